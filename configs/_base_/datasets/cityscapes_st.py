# Cityscapes as ST and ST++ train on it: scale 0.5 to 2, crop 721, the whole image in tests.
_base_ = './cityscapes.py'
crop_size = (721, 721)
test_mode = dict(mode='whole')
draw_scale = dict(type='DrawScale', scale=(0.5, 2.0))
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(pipeline=[draw_scale, *_base_.train_dataloader.dataset.labeled.pipeline[1:]]),
        unlabeled=dict(
            pipeline=[draw_scale, *_base_.train_dataloader.dataset.unlabeled.pipeline[1:]]
        ),
    ),
)
