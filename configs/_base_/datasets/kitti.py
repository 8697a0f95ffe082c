# KITTI's semantic benchmark (200 images, Cityscapes' 19 classes), as
# semiseg_mm convert kitti writes it. Expected below data_root:
#   training/image_2/*.png  training/semantic_train_ids/*.png
#   splits/train.txt (160) and splits/val.txt (40): KITTI itself has no validation images
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (000000_10)
# A leaf chooses the split with train_dataloader.dataset.split; the images are 1242x375 or so.
_base_ = './image_folders.py'
num_classes = 19
data_root = 'data/kitti'
crop_size = (368, 768)
test_mode = dict(mode='whole')
kitti = dict(
    type='CityscapesDataset',
    data_root=data_root,
    data_prefix=dict(img_path='training/image_2', seg_map_path='training/semantic_train_ids'),
    img_suffix='.png',
    seg_map_suffix='.png',
)

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(ann_file='splits/train.txt', **kitti),
        unlabeled=dict(data_root=data_root, img_path='training/image_2', img_suffix='.png'),
    ),
)
val_dataloader = dict(dataset=dict(ann_file='splits/val.txt', **kitti))
test_dataloader = val_dataloader
