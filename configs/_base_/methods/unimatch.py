# UniMatch (Yang et al., CVPR 2023) as its code: FixMatch with two strong views and with channels
# dropped from the weak view's features; (L_x + 0.25 L_s1 + 0.25 L_s2 + 0.5 L_fp) / 2. threshold
# 0.95 on VOC and COCO, 0 on Cityscapes. Ours: as in fixmatch_v1.py; and channels are dropped at
# every level that the backbone gives (there: c1 and c4, the ones that DeepLabV3+ uses).
_base_ = './fixmatch_v1.py'
strong = [dict(type='StrongView')]
model = dict(
    strong_views=('strong1', 'strong2'),
    perturbation=dict(type='ChannelDropout', p=0.5),
    weight=0.25,
    dropped_weight=0.25,
    joint_forward=[['labeled', 'weak'], ['strong1', 'strong2']],
)
views = dict(_delete_=True, weak=[], strong1=strong, strong2=strong)
