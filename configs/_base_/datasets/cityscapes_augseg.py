# Cityscapes as AugSeg trains on it: scale 0.5 to 2, crop 800, padding with the mean colour; in
# tests windows of that size, two thirds of it apart, cut off at the border. Their probabilities
# are averaged.
_base_ = './cityscapes_unimatch.py'
crop_size = (800, 800)
test_mode = dict(crop_size=crop_size, stride=(533, 533))
train_dataloader = dict(dataset=dict(crop_size=crop_size, pad_val=[104, 116, 124]))
