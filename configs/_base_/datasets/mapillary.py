# Mapillary Vistas v1.2 (18000 train, 2000 val, 65 classes; 'Unlabeled' is ignored), as downloaded.
# Expected below data_root:
#   {training,validation}/images/*.jpg  {training,validation}/v1.2/labels/*.png (0 to 65)
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (__CRyFzoDOXn6unQ6a3DnQ)
# A leaf chooses the split with train_dataloader.dataset.split. The images have up to 22 million
# pixels: they are fitted into 2048x1024 first, as in mmsegmentation.
_base_ = './image_folders.py'
num_classes = 65
data_root = 'data/mapillary'
crop_size = (512, 1024)
test_mode = dict(mode='whole')
fit = dict(type='Resize', scale=(2048, 1024), keep_ratio=True)

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='MapillaryVistas12',
            data_root=data_root,
            data_prefix=dict(img_path='training/images', seg_map_path='training/v1.2/labels'),
            pipeline=[
                dict(type='LoadImage'),
                dict(type='LoadAnnotations'),
                dict(type='CheckLabels'),
                fit,
                _base_.draw_scale,
                _base_.scale_crop,
                dict(type='PackSemiInputs'),
            ],
        ),
        unlabeled=dict(
            data_root=data_root,
            img_path='training/images',
            pipeline=[
                dict(type='LoadImage'),
                fit,
                _base_.draw_scale,
                _base_.scale_crop,
                dict(type='MultiView', views=dict(weak=[])),
                dict(type='PackSemiInputs'),
            ],
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='MapillaryVistas12',
        data_root=data_root,
        data_prefix=dict(img_path='validation/images', seg_map_path='validation/v1.2/labels'),
        # the masks stay as they are: predictions are scaled back to them
        pipeline=[
            dict(type='LoadImageFromFile'),
            fit,
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
