# FixMatch and UniMatch with ResNets: 80 epochs on VOC, 240 on Cityscapes; learning rate 0.001 on
# VOC, in the head tenfold. An epoch is one pass over the unlabeled list, the labeled one is walked
# beside it. Of n images each of 4 processes takes ceil(n / 4), 2 in an iteration, and leaves a
# last single one out. VOC, 92 labels: 80 * (ceil(10490 / 4) // 2) = 80 * 1311 = 104880.
_base_ = './sgd_head_tenfold.py'
lists = {  # of the family unimatch: epochs, unlabeled images
    'voc/92': (80, 10490),
    'voc/183': (80, 10399),
    'voc/366': (80, 10216),
    'voc/732': (80, 9850),
    'voc/1464': (80, 9118),
    'voc/1_16': (80, 9920),
    'voc/1_8': (80, 9259),
    'voc/1_4': (80, 7936),
    'cityscapes/1_16': (240, 2789),
    'cityscapes/1_8': (240, 2603),
    'cityscapes/1_4': (240, 2231),
    'cityscapes/1_2': (240, 1487),
}
of_split = {  # a leaf picks its own
    name: dict(max_iters=-(-n // 4) // 2 * e, val_interval=-(-n // 4) // 2 * e // 10)
    for name, (e, n) in lists.items()
}
