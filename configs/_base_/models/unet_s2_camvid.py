# The small UNet, for CamVid: a pole has a hundredth of the pixels, a road a third. The loss weighs
# a class by sqrt(median frequency / frequency), counted on the 13 masks of splits/mine/1_30.
_base_ = './unet_s2.py'
class_weight = [0.5, 0.4, 2.3, 0.4, 0.8, 0.6, 1.6, 1.1, 1.0, 2.2, 3.1]
segmentor = dict(decode_head=dict(loss_decode=dict(class_weight=class_weight)))
