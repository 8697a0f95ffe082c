# Images of your own. Expected below data_root (masks: 8-bit PNG, the class in each pixel, 255
# ignored); any of it can be set otherwise in a leaf, which must give metainfo (classes, palette):
#   train/*.jpg  train_masks/*.png  val/*.jpg  val_masks/*.png  unlabeled/**
# docs/en/datasets.md has a whole config.
_base_ = './image_folders.py'
data_root = 'data/mine'
crop_size = (512, 512)
test_mode = dict(mode='whole')

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='BaseSegDataset',
            data_root=data_root,
            data_prefix=dict(img_path='train', seg_map_path='train_masks'),
        ),
        unlabeled=dict(data_root=data_root, img_path='unlabeled'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='BaseSegDataset',
        data_root=data_root,
        data_prefix=dict(img_path='val', seg_map_path='val_masks'),
    ),
)
test_dataloader = val_dataloader
