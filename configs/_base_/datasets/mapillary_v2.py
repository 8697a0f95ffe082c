# Mapillary Vistas v2.0 (123 classes; 'Unlabeled' is ignored): as mapillary.py, with the masks in
#   {training,validation}/v2.0/labels/*.png (0 to 123)
_base_ = './mapillary.py'
num_classes = 123

train_dataloader = dict(
    dataset=dict(
        labeled=dict(
            type='MapillaryVistas20', data_prefix=dict(seg_map_path='training/v2.0/labels')
        ),
    ),
)
val_dataloader = dict(
    dataset=dict(type='MapillaryVistas20', data_prefix=dict(seg_map_path='validation/v2.0/labels')),
)
test_dataloader = val_dataloader
