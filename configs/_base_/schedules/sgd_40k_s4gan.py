# S4GAN: as AdvSemSeg, 8 + 8 images on one GPU, 40000 iterations.
_base_ = './sgd_20k_adv_sem_seg.py'
train_cfg = dict(max_iters=40000)
auto_scale_lr = dict(base_batch_size=16)
