# COCO with 80 things and background (118287 train, 5000 val). Expected below data_root:
#   train2017/*.jpg  val2017/*.jpg
#   masks/*.png, of both: as semiseg_mm convert coco writes them, or UniMatch's own
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line (000000000009)
# A leaf chooses the split with train_dataloader.dataset.split.
_base_ = './image_folders.py'
num_classes = 81
data_root = 'data/coco'
crop_size = (513, 513)  # as UniMatch
test_mode = dict(mode='whole')  # as UniMatch evaluates

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        labeled=dict(
            type='COCO81Dataset',
            data_root=data_root,
            data_prefix=dict(img_path='train2017', seg_map_path='masks'),
        ),
        unlabeled=dict(data_root=data_root, img_path='train2017'),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='COCO81Dataset',
        data_root=data_root,
        data_prefix=dict(img_path='val2017', seg_map_path='masks'),
    ),
)
test_dataloader = val_dataloader
