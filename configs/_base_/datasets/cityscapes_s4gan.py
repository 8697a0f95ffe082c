# Cityscapes as S4GAN trains on it: halved by Pillow, which shrinks with antialiasing.
_base_ = './cityscapes_half.py'
train_dataloader = dict(dataset=dict(antialias=True))
