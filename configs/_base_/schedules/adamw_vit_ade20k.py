# UniMatch V2 on ADE20K: 60 epochs, 2 + 2 images in a process.
_base_ = './adamw_vit.py'
auto_scale_lr = dict(base_batch_size=16)  # 4 GPUs x (2 + 2)
