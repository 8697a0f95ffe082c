# UniMatch V2 on COCO: 20 epochs, 4 + 4 images in a process.
_base_ = './adamw_vit.py'
train_cfg = dict(epochs=20)
