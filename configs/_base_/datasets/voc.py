# Pascal VOC 2012 with SBD masks (10582 train, 1449 val), as semiseg_mm convert voc
# writes it. Expected below data_root:
#   JPEGImages/  SegmentationClassAug/  ImageSets/Segmentation/val.txt
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (2007_000032)
# A leaf chooses the split with train_dataloader.dataset.split.
_base_ = './image_folders.py'
num_classes = 21
data_root = 'data/VOCdevkit/VOC2012'
folders = dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug')
crop_size = (512, 512)
# As CPS evaluates: windows two thirds of their size apart, small images padded with the mean colour
# (there at all sides).
test_mode = dict(mode='slide', crop_size=crop_size, stride=(342, 342), small='pad')

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        pad_val=[104, 116, 124],  # the mean colour (BGR), as CPS pads
        pad_around=True,
        antialias=False,  # OpenCV shrinks there
        labeled=dict(type='PascalVOCDataset', data_root=data_root, data_prefix=folders),
        unlabeled=dict(data_root=data_root, img_path=folders['img_path']),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='PascalVOCDataset',
        data_root=data_root,
        data_prefix=folders,
        ann_file='ImageSets/Segmentation/val.txt',
    ),
)
test_dataloader = val_dataloader
