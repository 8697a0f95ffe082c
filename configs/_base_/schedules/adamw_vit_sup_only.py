# The supervised baseline of UniMatch V2: as many epochs, but of the labeled list, which is repeated
# to a fixed length; all images of a batch are labeled. So every split of a dataset has the same
# iterations: VOC 60 * (3000 / 4 // 8) = 5580.
_base_ = './adamw_vit.py'
lengths = {  # epochs, images of the repeated list, images in a process
    'voc': (60, 3000, 8),
    'cityscapes': (180, 3000, 4),
    'ade20k': (60, 6000, 4),
    'coco': (20, 30000, 8),
}
of_labeled = {  # a leaf picks its dataset
    name: dict(max_iters=n // 4 // k * e, val_interval=n // 4 // k * e // 10)
    for name, (e, n, k) in lengths.items()
}
