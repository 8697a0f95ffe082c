# 2645 labeled, 7937 unlabeled images
_base_ = './st-plus-plus_pspnet_r50-d8_4xb4-80e_voc-stpp-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/1_4/split_0'))
of_stage = _base_.of_stage['voc/1_4']
stages = [dict(s, **of_stage.get(s['name'], {})) for s in _base_.stages]
train_cfg = of_stage.student.cfg.train_cfg
