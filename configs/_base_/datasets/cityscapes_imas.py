# Cityscapes as iMAS trains on it: scale 0.5 to 2, crop 769, padding with the mean colour, shrunk as
# by Pillow; in tests windows of that size, two thirds of it apart, cut off at the border, whose
# probabilities are averaged.
_base_ = './cityscapes_unimatch.py'
crop_size = (769, 769)
test_mode = dict(crop_size=crop_size, stride=(512, 512))
train_dataloader = dict(dataset=dict(crop_size=crop_size, pad_val=[104, 116, 124]))
