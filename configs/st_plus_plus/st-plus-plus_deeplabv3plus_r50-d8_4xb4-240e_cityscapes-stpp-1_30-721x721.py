# 100 labeled, 2875 unlabeled images
_base_ = './st-plus-plus_deeplabv3plus_r50-d8_4xb4-240e_cityscapes-stpp-1_8-721x721.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/1_30/split_0'))
of_stage = _base_.of_stage['cityscapes/1_30']
stages = [dict(s, **of_stage.get(s['name'], {})) for s in _base_.stages]
train_cfg = of_stage.student.cfg.train_cfg
