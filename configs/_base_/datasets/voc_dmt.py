# VOC as DMT trains on it: as AdvSemSeg, but scale 0.5 to 1.5.
_base_ = './voc_adv_sem_seg.py'
train_dataloader = dict(dataset=dict(scale=(0.5, 1.5)))
