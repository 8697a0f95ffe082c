# The embedded dataset: scenes drawn on the fly, nothing on disk.
num_classes = 7
test_mode = dict(mode='whole')
scale_crop = dict(type='ScaleCrop', scale=(0.8, 1.25))
# Blur beyond one pixel would wipe out the textures, which are three pixels wide.
strong_views = dict(weak=[], strong=[dict(type='StrongView', sigma=(0.1, 1.0))])

train_dataloader = dict(
    num_workers=0,
    sampler=dict(type='SourceRatioSampler', labeled=8, unlabeled=8),
    collate_fn=dict(type='collate_views'),
    dataset=dict(
        type='SemiDataset',
        crop_size=(64, 64),
        labeled=dict(
            type='ShapesDataset',
            start=0,
            num_images=30,
            pipeline=[
                dict(type='LoadShapes'),
                dict(type='CheckLabels'),
                scale_crop,
                dict(type='PackSemiInputs'),
            ],
        ),
        unlabeled=dict(
            type='ShapesDataset',
            start=10000,
            num_images=1000,
            with_labels=False,
            pipeline=[
                dict(type='LoadShapes'),
                scale_crop,
                dict(type='MultiView', views=dict(weak=[])),
                dict(type='PackSemiInputs'),
            ],
        ),
    ),
)
val_dataloader = dict(
    batch_size=20,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ShapesDataset',
        split='val',
        num_images=200,
        pipeline=[dict(type='LoadShapes'), dict(type='PackSegInputs')],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
