# ST and ST++: 80 epochs on VOC, 240 on Cityscapes, of each stage's own list; 16 images a batch
# (4 GPUs x 4), the last incomplete batch left out; learning rate 0.001 on VOC, in the head tenfold.
# A teacher's list of less than 200 images is doubled; a student's has the labels repeated to the
# number of its pseudo-labeled images, or just beyond.
_base_ = './sgd_head_tenfold.py'
train_cfg = dict(epochs=80, of='oversampled', double_labels_below=200)
# train_dataloader.sampler of a leaf; a teacher, which has no other images, draws labels alone
oversampled = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=4)
