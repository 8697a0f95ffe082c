# Cityscapes, all 2975 fine training images labeled, the 19998 images of train_extra unlabeled
# (their coarse masks are not read). Expected below data_root, besides what cityscapes.py expects:
#   leftImg8bit/train_extra/<city>/*_leftImg8bit.png
# A leaf names no split. It may name a list: train_dataloader.dataset.labeled.ann_file.
_base_ = './cityscapes.py'
train_dataloader = dict(
    dataset=dict(pad_val=0, pad_around=False, unlabeled=dict(img_path='leftImg8bit/train_extra')),
)
