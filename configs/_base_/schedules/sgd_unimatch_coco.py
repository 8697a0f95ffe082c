# FixMatch and UniMatch on COCO: 30 epochs, learning rate 0.004, in the head tenfold. Epochs as in
# sgd_unimatch.py. 232 labels: 30 * (ceil(118055 / 4) // 2) = 30 * 14757 = 442710.
_base_ = ['./sgd_unimatch.py', './lists_coco.py']
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 2 * 30, val_interval=-(-n // 4) // 2 * 3)
    for name, n in _base_.unlabeled.items()
}
optim_wrapper = dict(optimizer=dict(lr=0.004))
