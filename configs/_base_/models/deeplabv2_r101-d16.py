_base_ = './deeplabv2_r101-d8.py'
# The DeepLabV2 of PixelSSL: output stride 16, dilations 2, 4, 8 in the last stage. There it starts
# from weights trained on COCO.
segmentor = dict(
    backbone=dict(dilations=(1, 1, 1, 2), strides=(1, 2, 2, 1), multi_grid=(2, 4, 8)),
)
