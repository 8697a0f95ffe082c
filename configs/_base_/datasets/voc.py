# Pascal VOC 2012 with SBD masks (10582 train, 1449 val). Expected below data_root:
#   JPEGImages/  SegmentationClassAug/  ImageSets/Segmentation/val.txt
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (2007_000032)
# A leaf chooses the split with train_dataloader.dataset.split.
num_classes = 21
data_root = 'data/VOCdevkit/VOC2012'
crop_size = (512, 512)
test_mode = dict(mode='slide', crop_size=crop_size, stride=(341, 341))  # as CPS evaluates
scale_crop = dict(type='ScaleCrop', crop_size=crop_size, scale=[0.5, 0.75, 1.0, 1.5, 1.75, 2.0])

labeled = dict(
    type='PascalVOCDataset',
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='CheckLabels'),
        scale_crop,
        dict(type='PackSemiInputs'),
    ],
)
unlabeled = dict(
    type='UnlabeledDataset',
    data_root=data_root,
    img_path='JPEGImages',
    pipeline=[
        dict(type='LoadImageFromFile'),
        scale_crop,
        dict(type='MultiView', views=dict(weak=[])),
        dict(type='PackSemiInputs'),
    ],
)
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='SourceRatioSampler', labeled=2, unlabeled=2),
    collate_fn=dict(type='collate_views'),
    dataset=dict(type='SemiDataset', labeled=labeled, unlabeled=unlabeled),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='PascalVOCDataset',
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='PackSegInputs'),
        ],
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
