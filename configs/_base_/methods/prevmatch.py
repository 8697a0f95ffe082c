# PrevMatch (Shin et al., arXiv:2405.20610) as its code: UniMatch, and a second label of the weak
# view from 1 to 3 of the 8 latest snapshots of the network, threshold 0.9 on VOC; (L_x + L + t
# L_previous) / (2 + t), where t rises to 1 at half of the training and falls to 0.
# Ours: no validation decides what is a snapshot (there: epochs with the best score on the test
# images so far). One is taken whenever the training is 1.15 times as long as at the last one, 32
# times in all; the official logs have 18 to 33 on VOC, as dense at the start and as rare at the
# end. t moves in each iteration (there: in each epoch). All else as in unimatch.py.
_base_ = './unimatch.py'
model = dict(
    type='PrevMatchSegmentor',
    previous_filter=dict(type='Threshold', value=0.9),
    previous_weight=1.0,
    snapshots=8,
    most=3,
    first=1 / 80,
    growth=1.15,
)
