# VOC as DCC trains on it: crop 320, padded with the mean colour at the bottom and right, shrunk as
# by Pillow (there bicubic). There the long side is resized to 200 to 800, of unlabeled images to
# 320 to 800; here by 0.4 or 0.64 to 1.6, which is the same for VOC's long side of 500.
_base_ = './voc_unimatch.py'
crop_size = (320, 320)
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        scale=None,
        pad_val=[104, 116, 124],
        labeled=dict(
            pipeline=[
                dict(type='DrawScale', scale=(0.4, 1.6)),
                dict(type='LoadImage'),
                dict(type='LoadAnnotations'),
                dict(type='CheckLabels'),
                dict(type='ScaleCrop'),
                dict(type='PackSemiInputs'),
            ],
        ),
        unlabeled=dict(
            pipeline=[
                dict(type='DrawScale', scale=(0.64, 1.6)),
                dict(type='LoadImage'),
                dict(type='ScaleCrop'),
                dict(type='MultiView', views=dict(weak=[])),
                dict(type='PackSemiInputs'),
            ],
        ),
    ),
)
