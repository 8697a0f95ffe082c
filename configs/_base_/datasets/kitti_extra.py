# KITTI, the 160 images of splits/train.txt labeled, the 200 of the benchmark's test set unlabeled.
# Expected below data_root, besides what kitti.py expects: testing/image_2/*.png
# Any folder or glob of KITTI's raw drives will do as well: unlabeled.data_root and img_path.
# A leaf names no split. It may name a list: train_dataloader.dataset.labeled.ann_file.
_base_ = './kitti.py'
train_dataloader = dict(dataset=dict(unlabeled=dict(img_path='testing/image_2')))
