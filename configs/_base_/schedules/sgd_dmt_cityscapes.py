# DMT on Cityscapes, 372 labels: 0.004 in all trainings; the first two 170 epochs of the labels,
# each later one 2 + 6 images, 10 epochs of the unlabeled list.
_base_ = './sgd_dmt.py'
optim_wrapper = dict(optimizer=dict(lr=0.004))
train_cfg = dict(epochs=10)
of_first = dict(
    train_cfg=dict(epochs=170, length=372), optim_wrapper=dict(optimizer=dict(lr=0.004))
)
