# Images of your own as `semiseg_mm new` lays them out: own_folder.py, but lists say which images
# count. They name images with their suffixes, so these may differ: train/a.JPG has the mask
# train_masks/a.JPG.png. Validation images get sides that every network here takes.
_base_ = './own_folder.py'
listed = dict(img_suffix='', seg_map_suffix='.png')
train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        labeled=dict(ann_file='train.txt', **listed), unlabeled=dict(ann_file='unlabeled.txt')
    ),
)
strong_views = dict(weak=[], strong=[dict(type='StrongView', sigma=(0.1, 1.0))])
load = dict(type='LoadImageFromFile')
after = [
    dict(type='ResizeToMultiple', size_divisor=16),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs'),
]
val_dataloader = dict(
    num_workers=2, dataset=dict(ann_file='val.txt', pipeline=[load, *after], **listed)
)
test_dataloader = val_dataloader
