# VOC as PixelSSL trains DeepLabV2 on it: crop 321, black padding, shrunk as by Pillow. There images
# are resized to a short side of 200 to 800; here by 0.55 to 2.2, which is the same for a short side
# of 365.
_base_ = './voc_unimatch.py'
train_dataloader = dict(dataset=dict(scale=(0.55, 2.2)))
