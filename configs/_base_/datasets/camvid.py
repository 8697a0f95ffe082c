# CamVid with 11 classes (367 train, 101 val, 233 test; 480x360 in SegNet's copy), as
# semiseg_mm convert camvid writes it. Expected below data_root:
#   images/{train,val,test}/*.png  labels/{train,val,test}/*.png (0 to 10, void 255)
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (0001TP_006690)
# A leaf chooses the split with train_dataloader.dataset.split.
_base_ = './image_folders.py'
num_classes = 11
data_root = 'data/camvid'
crop_size = (320, 320)
test_mode = dict(mode='whole')
strong_views = dict(weak=[], strong=[dict(type='StrongView')])

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='CamVidDataset',
            data_root=data_root,
            data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        ),
        unlabeled=dict(data_root=data_root, img_path='images/train', img_suffix='.png'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='CamVidDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/val', seg_map_path='labels/val'),
    ),
)
test_dataloader = dict(
    dataset=dict(
        type='CamVidDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/test', seg_map_path='labels/test'),
    ),
)
