# UniMatch V2 (Yang et al., TPAMI 2025) as its code: an EMA teacher, two strong views that see
# complementary channels; (L_x + (L_s1 + L_s2) / 2) / 2. threshold 0.95 everywhere.
_base_ = './fixmatch.py'
strong = [dict(type='StrongView')]
model = dict(
    strong_views=('strong1', 'strong2'),
    perturbation=dict(type='ComplementaryDropout', prob=0.5, clean=0.5),
    joint_forward=[['labeled'], ['strong1', 'strong2']],
)
views = dict(_delete_=True, weak=[], strong1=strong, strong2=strong)
