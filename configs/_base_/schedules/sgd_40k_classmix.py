# ClassMix: as AdvSemSeg, twice as long; 10 + 10 images on VOC, 2 + 2 on Cityscapes, one GPU.
_base_ = './sgd_20k_adv_sem_seg.py'
train_cfg = dict(max_iters=40000)
