# FixMatch and UniMatch with ResNets: 80 epochs on VOC, 240 on Cityscapes; learning rate 0.001 on
# VOC, in the head tenfold. An epoch is one pass over the unlabeled list, the labeled one is walked
# beside it. Of n images each of 4 processes takes ceil(n / 4), 2 in an iteration, and leaves a
# last single one out. VOC, 92 labels: 80 * (ceil(10490 / 4) // 2) = 80 * 1311 = 104880.
_base_ = './sgd_head_tenfold.py'
train_cfg = dict(epochs=80, of='unlabeled', padded=True)
