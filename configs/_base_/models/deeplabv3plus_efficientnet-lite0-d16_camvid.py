# The small DeepLabV3+ for CamVid, with the class weights of unet_s2_camvid.py:
# sqrt(median frequency / frequency), counted on the 13 masks of splits/mine/1_30.
_base_ = './deeplabv3plus_efficientnet-lite0-d16.py'
class_weight = [0.5, 0.4, 2.3, 0.4, 0.8, 0.6, 1.6, 1.1, 1.0, 2.2, 3.1]
segmentor = dict(decode_head=dict(loss_decode=dict(class_weight=class_weight)))
