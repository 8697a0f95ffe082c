# 92 labeled, 10490 unlabeled images
_base_ = './st-plus-plus_deeplabv3plus_r101-d8_4xb4-80e_voc-stpp-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/92/split_0'))
of_stage = _base_.of_stage['voc/92']
stages = [dict(s, **of_stage.get(s['name'], {})) for s in _base_.stages]
train_cfg = of_stage.student.cfg.train_cfg
