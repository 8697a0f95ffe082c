# VOC as ClassMix trains on it: as AdvSemSeg, without flips.
_base_ = './voc_adv_sem_seg.py'
train_dataloader = dict(dataset=dict(flip=0.0))
