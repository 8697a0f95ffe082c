# 744 labeled, 2231 unlabeled images
_base_ = './st_deeplabv3plus_r50-d8_4xb4-240e_cityscapes-stpp-1_8-721x721.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/1_4/split_0'))
of_stage = _base_.of_stage['cityscapes/1_4']
stages = [dict(s, **of_stage.get(s['name'], {})) for s in _base_.stages]
train_cfg = of_stage.student.cfg.train_cfg
