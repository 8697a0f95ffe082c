# UniMatch V2 on COCO: 20 epochs, 4 + 4 images in a process. Epochs as in sgd_unimatch.py.
# 232 labels: 20 * (ceil(118055 / 4) // 4) = 20 * 7378 = 147560.
_base_ = ['./adamw_vit.py', './lists_coco.py']
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 4 * 20, val_interval=-(-n // 4) // 4 * 2)
    for name, n in _base_.unlabeled.items()
}
