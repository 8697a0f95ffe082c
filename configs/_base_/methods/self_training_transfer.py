# Self-training across domains: from Cityscapes with all its labels to a dataset with few. The label
# sets may differ, so the source's network learns the target's classes from the few target labels
# first (its head starts anew where the numbers of classes differ). It then labels the target's
# unlabeled images. Reconstruction, unverified: what the paper does about the classes, and whether
# its student starts from the source's weights (init='source' on the student), is unknown to us.
_base_ = './self_training.py'
data_source = dict(type='CityscapesDataset', data_root='data/cityscapes')
of_source = dict(
    model=dict(num_classes=19),
    train_dataloader=dict(
        dataset=dict(
            split=None,
            crop_size=(800, 800),
            labeled=dict(
                _delete_=True,
                data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
                pipeline=[
                    dict(type='DrawScale', scale=[0.5, 0.75, 1.0, 1.5, 1.75, 2.0]),
                    dict(type='LoadImage'),
                    dict(type='LoadAnnotations'),
                    dict(type='CheckLabels'),
                    dict(type='ScaleCrop'),
                    dict(type='PackSemiInputs'),
                ],
                **data_source,
            ),
        ),
    ),
    val_dataloader=dict(
        dataset=dict(
            _delete_=True,
            data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations'),
                dict(type='PackSegInputs'),
            ],
            **data_source,
        ),
    ),
)
of_teacher = dict(
    train_cfg=dict(max_iters=4000, val_interval=500),
    optim_wrapper=dict(
        optimizer=dict(lr=0.002),
        paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0))),
    ),
)
stages = [
    dict(type='TrainStage', name='source', sup_only=True, cfg=of_source),
    dict(type='TrainStage', name='teacher', sup_only=True, init='source', cfg=of_teacher),
    *_base_.stages[1:],
]
