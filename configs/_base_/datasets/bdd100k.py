# BDD100K, its 10k images with masks (7000 train, 1000 val; Cityscapes' 19 classes), as downloaded.
# Expected below data_root:
#   images/10k/{train,val}/*.jpg
#   labels/sem_seg/masks/{train,val}/*.png (0 to 18, 255 ignored)
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (7d2f7975-e0c1c5a7)
# A leaf chooses the split with train_dataloader.dataset.split; the images are 1280x720.
_base_ = './image_folders.py'
num_classes = 19
data_root = 'data/bdd100k'
crop_size = (512, 1024)
test_mode = dict(mode='whole')

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='BDD100KDataset',
            data_root=data_root,
            data_prefix=dict(
                img_path='images/10k/train', seg_map_path='labels/sem_seg/masks/train'
            ),
        ),
        unlabeled=dict(data_root=data_root, img_path='images/10k/train'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='BDD100KDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/10k/val', seg_map_path='labels/sem_seg/masks/val'),
    ),
)
test_dataloader = val_dataloader
