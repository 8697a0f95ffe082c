# What datasets of images and masks in folders share: loaders, pipelines, evaluation.
draw_scale = dict(type='DrawScale', scale=[0.5, 0.75, 1.0, 1.5, 1.75, 2.0])  # as CPS
scale_crop = dict(type='ScaleCrop')  # by the drawn scale; JPEGs are decoded no larger than needed
pack = dict(type='PackSemiInputs')
read_labeled = [
    dict(type='LoadImage'),
    dict(type='LoadAnnotations'),
    dict(type='CheckLabels'),
    scale_crop,
]
read_unlabeled = [
    dict(type='LoadImage'),
    scale_crop,
    dict(type='MultiView', views=dict(weak=[])),
]

train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='SourceRatioSampler', labeled=2, unlabeled=2),
    collate_fn=dict(type='collate_views'),
    dataset=dict(
        type='SemiDataset',
        labeled=dict(pipeline=[draw_scale, *read_labeled, pack]),
        unlabeled=dict(type='UnlabeledDataset', pipeline=[draw_scale, *read_unlabeled, pack]),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ConfusionMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
