_base_ = './deeplabv3plus_r101-d8.py'
# The DeepLabV2 of ST++'s code: output stride 8, one classifier of four dilations. There all of it
# starts from weights trained on COCO (deeplabv2_resnet101_coco_pretrained.pth, named in its
# README), and the head has the learning rate of the backbone; here the backbone starts from
# ImageNet.
segmentor = dict(
    decode_head=dict(
        _delete_=True,
        type='DeepLabV2Head',
        in_channels=2048,
        in_index=3,
        dilations=(6, 12, 18, 24),
        num_classes=21,
        align_corners=True,
        loss_decode=_base_.segmentor.decode_head.loss_decode,
    ),
)
