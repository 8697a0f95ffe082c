# S4MC (Kimhi et al., arXiv:2308.13900) on FixMatch: a pixel's confidence is refined by its four
# neighbours, and the most confident 75 % of the pixels count, 85 % at the end; two strong views,
# (L_x + 0.5 L_s1 + 0.5 L_s2) / 2. Ours: each class is refined by itself, and the label is the
# refined one, as in the paper (the code of 2024 refines the largest probabilities alone); the
# share grows in each iteration (there: in each epoch), each view has its own limit (there: the
# first one's for both), and padding is out of the count; and as in fixmatch_v1.py.
_base_ = './fixmatch_v1.py'
strong = [dict(type='StrongView')]
model = dict(
    strong_views=('strong1', 'strong2'),
    pseudo_label=dict(type='ContextPseudoLabel', neighbours=4, count=1, indicator='confidence'),
    filter=dict(_delete_=True, type='TopShare', start=0.75, end=0.85),
    joint_forward=[['labeled'], ['weak'], ['strong1', 'strong2']],
)
views = dict(_delete_=True, weak=[], strong1=strong, strong2=strong)
