# Cityscapes (2975 train, 500 val), prepared as in mmsegmentation. Expected below data_root:
#   leftImg8bit/{train,val}/<city>/*_leftImg8bit.png
#   gtFine/{train,val}/<city>/*_gtFine_labelTrainIds.png
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (aachen/aachen_000000_000019)
# A leaf chooses the split with train_dataloader.dataset.split.
num_classes = 19
data_root = 'data/cityscapes'
crop_size = (800, 800)
test_mode = dict(mode='slide', crop_size=crop_size, stride=(533, 533))
scale_crop = dict(type='ScaleCrop', crop_size=crop_size, scale=[0.5, 0.75, 1.0, 1.5, 1.75, 2.0])

labeled = dict(
    type='CityscapesDataset',
    data_root=data_root,
    data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
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
    img_path='leftImg8bit/train',
    img_suffix='_leftImg8bit.png',
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
        type='CityscapesDataset',
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
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
