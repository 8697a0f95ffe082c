# ADE20K, the 150 classes of SceneParsing (20210 train, 2000 val), as downloaded. Below data_root:
#   images/{training,validation}/*.jpg
#   annotations/{training,validation}/*.png: 0 is no class, 1 to 150 are read as classes 0 to 149
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (ADE_train_00000001)
# A leaf chooses the split with train_dataloader.dataset.split.
_base_ = './image_folders.py'
num_classes = 150
data_root = 'data/ade/ADEChallengeData2016'
crop_size = (512, 512)
test_mode = dict(mode='whole')

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='ADE20KDataset',
            data_root=data_root,
            data_prefix=dict(img_path='images/training', seg_map_path='annotations/training'),
        ),
        unlabeled=dict(data_root=data_root, img_path='images/training'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='ADE20KDataset',
        data_root=data_root,
        data_prefix=dict(img_path='images/validation', seg_map_path='annotations/validation'),
    ),
)
test_dataloader = val_dataloader
