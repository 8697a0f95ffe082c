# FixMatch and UniMatch on COCO: 30 epochs, learning rate 0.004, in the head tenfold. Epochs as in
# sgd_unimatch.py. 232 labels: 30 * (ceil(118055 / 4) // 2) = 30 * 14757 = 442710.
_base_ = './sgd_unimatch.py'
unlabeled = {  # images; of the family unimatch
    'coco/1_512': 118055,
    'coco/1_256': 117824,
    'coco/1_128': 117362,
    'coco/1_64': 116438,
    'coco/1_32': 114590,
}
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 2 * 30, val_interval=-(-n // 4) // 2 * 3)
    for name, n in unlabeled.items()
}
optim_wrapper = dict(optimizer=dict(lr=0.004))
