# Diverse Co-Training (Li et al., ICCV 2023) as its code: CPS of networks of different architecture,
# each with strong colours of its own, one box for all (CutMix); labels from the training forward
# of the weak view, which labeled images share; no threshold (its default is 0.95, all of its logs
# have 0); (L_1 + L_2) / 2 with L_k = L_x + L_u.
# Ours: all networks see RGB (there: the ResNet sees DCT coefficients). A leaf names the networks
# in model.segmentor, with n of them 1 / n as supervised_weight and as weight.
model = dict(
    type='CPSSegmentor',
    weight=0.5,
    supervised_weight=0.5,
    mixer=dict(type='BoxMix', prob=0.5, area=(0.02, 0.4), ratio=(0.3, 1 / 0.3), partner='random'),
    filter=dict(type='Threshold', value=0.0),
    covers='unlabeled',
    student_view=['strong1', 'strong2'],
    label_in_training_forward=True,
    joint_forward=[['labeled', 'weak'], ['mixed']],
)
views = dict(weak=[], strong1=[dict(type='StrongView')], strong2=[dict(type='StrongView')])
