# UniMatch V2 on ADE20K: 60 epochs, 2 + 2 images in a process. Epochs as in sgd_unimatch.py.
# 316 labels: 60 * (ceil(19894 / 4) // 2) = 60 * 2487 = 149220.
_base_ = './adamw_vit.py'
unlabeled = {  # images; of the family unimatch
    'ade20k/1_64': 19894,
    'ade20k/1_32': 19579,
    'ade20k/1_16': 18947,
    'ade20k/1_8': 17684,
    'ade20k/1_4': 15158,
}
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 2 * 60, val_interval=-(-n // 4) // 2 * 6)
    for name, n in unlabeled.items()
}
auto_scale_lr = dict(base_batch_size=16)  # 4 GPUs x (2 + 2)
