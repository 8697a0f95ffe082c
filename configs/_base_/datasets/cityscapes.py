# Cityscapes (2975 train, 500 val), as semiseg_mm convert cityscapes or mmsegmentation
# prepare it. Expected below data_root:
#   leftImg8bit/{train,val}/<city>/*_leftImg8bit.png
#   gtFine/{train,val}/<city>/*_gtFine_labelTrainIds.png
#   splits/<family>/<split>/labeled.txt and unlabeled.txt, one id a line
#   (aachen/aachen_000000_000019)
# A leaf chooses the split with train_dataloader.dataset.split.
_base_ = './image_folders.py'
num_classes = 19
data_root = 'data/cityscapes'
crop_size = (800, 800)
test_mode = dict(mode='slide', crop_size=crop_size, stride=(534, 534))  # as CPS evaluates

train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        pad_val=[104, 116, 124],  # the mean colour (BGR), as CPS pads
        pad_around=True,
        antialias=False,  # OpenCV shrinks there
        labeled=dict(
            type='CityscapesDataset',
            data_root=data_root,
            data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        ),
        unlabeled=dict(
            data_root=data_root, img_path='leftImg8bit/train', img_suffix='_leftImg8bit.png'
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='CityscapesDataset',
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
    ),
)
test_dataloader = val_dataloader
