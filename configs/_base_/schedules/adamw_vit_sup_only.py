# The supervised baseline of UniMatch V2: as many epochs, but of the labeled list, which is repeated
# to a fixed length; all images of a batch are labeled. So every split of a dataset has the same
# iterations: VOC 60 * (3000 / 4 // 8) = 5580. Other datasets have other epochs and lengths.
_base_ = './adamw_vit.py'
train_cfg = dict(of='labeled', length=3000)
