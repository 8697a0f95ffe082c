# VOC as DCC trains on it: crop 320, padded with the mean colour at the bottom and right, shrunk as
# by Pillow (there bicubic). There the long side is resized to 200 to 800, of unlabeled images to
# 320 to 800; here by 0.4 or 0.64 to 1.6, which is the same for VOC's long side of 500.
_base_ = './voc_unimatch.py'
crop_size = (320, 320)
labeled_scale = dict(type='DrawScale', scale=(0.4, 1.6))
unlabeled_scale = dict(type='DrawScale', scale=(0.64, 1.6))
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        scale=None,
        pad_val=[104, 116, 124],
        labeled=dict(pipeline=[labeled_scale, *_base_.read_labeled, _base_.pack]),
        unlabeled=dict(pipeline=[unlabeled_scale, *_base_.read_unlabeled, _base_.pack]),
    ),
)
