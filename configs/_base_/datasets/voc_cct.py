# VOC as CCT trains on it: crop 320, padded with the mean colour at the bottom and right, shrunk as
# by Pillow (there bicubic). There images are resized to a long side of 200 to 800; here by 0.4 to
# 1.6, which is the same for VOC's long side of 500.
_base_ = './voc_unimatch.py'
crop_size = (320, 320)
train_dataloader = dict(
    dataset=dict(crop_size=crop_size, scale=(0.4, 1.6), pad_val=[104, 116, 124]),
)
