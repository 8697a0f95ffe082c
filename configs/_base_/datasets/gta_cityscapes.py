# GTA5 labeled, Cityscapes unlabeled and for tests, as DACS trains on them: crops of 512 of images
# that are brought to about 1280 x 720 and to 1024 x 512, not flipped. Expected, besides what
# cityscapes.py expects (no splits):
#   data/gta/images/*.png
#   data/gta/labels/*_labelTrainIds.png (0 to 18, 255 ignored; GTA5's own are Cityscapes' label ids)
_base_ = './cityscapes_classmix.py'
crop_size = (512, 512)
crop = dict(type='ScaleCrop', flip=0.0, pad_val=[104, 116, 124])
masks = [dict(type='LoadAnnotations'), dict(type='CheckLabels')]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SemiDataset',
        crop_size=crop_size,
        labeled=dict(
            type='CityscapesDataset',
            data_root='data/gta',
            data_prefix=dict(img_path='images', seg_map_path='labels'),
            img_suffix='.png',
            seg_map_suffix='_labelTrainIds.png',
            pipeline=[
                dict(type='DrawScale', scale=[0.669]),  # of 1914 x 1052
                dict(type='LoadImage'),
                *masks,
                crop,
                dict(type='PackSemiInputs'),
            ],
        ),
        unlabeled=dict(
            type='UnlabeledDataset',
            data_root='data/cityscapes',
            img_path='leftImg8bit/train',
            img_suffix='_leftImg8bit.png',
            pipeline=[
                dict(type='DrawScale', scale=[0.5]),
                dict(type='LoadImage'),
                crop,
                dict(type='MultiView', views=dict(weak=[])),
                dict(type='PackSemiInputs'),
            ],
        ),
    ),
)
