# Interpolation consistency (ICT, Verma et al., IJCAI 2019) as French et al. (BMVC 2020) compare it
# with CutMix: two images are blended, and the student learns the blended probabilities of the EMA
# teacher. The share of confident pixels is that of the blended confidences.
# Ours: as cutmix_seg.py.
_base_ = './cutmix_seg.py'
model = dict(mixer=dict(_delete_=True, type='BlendMix', alpha=0.1, partner='next'))
