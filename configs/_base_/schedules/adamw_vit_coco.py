# UniMatch V2 on COCO: 20 epochs, 4 + 4 images in a process. Epochs as in sgd_unimatch.py.
# 232 labels: 20 * (ceil(118055 / 4) // 4) = 20 * 7378 = 147560.
_base_ = './adamw_vit.py'
unlabeled = {  # images; of the family unimatch
    'coco/1_512': 118055,
    'coco/1_256': 117824,
    'coco/1_128': 117362,
    'coco/1_64': 116438,
    'coco/1_32': 114590,
}
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 4 * 20, val_interval=-(-n // 4) // 4 * 2)
    for name, n in unlabeled.items()
}
