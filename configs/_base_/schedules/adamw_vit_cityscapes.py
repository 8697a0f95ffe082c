# UniMatch V2 on Cityscapes: 180 epochs, 2 + 2 images in a process.
_base_ = './adamw_vit.py'
train_cfg = dict(epochs=180)
auto_scale_lr = dict(base_batch_size=16)  # 4 GPUs x (2 + 2)
