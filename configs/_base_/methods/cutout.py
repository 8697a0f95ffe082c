# CutOut as French et al. (BMVC 2020) compare it with CutMix: the student sees a box of its image,
# with the mean colour around it, and learns the EMA teacher's probabilities in it. The share of
# confident pixels is that of the whole images.
# Ours: as cutmix_seg.py; boxes have at least a pixel (there: from an area of 0 on).
_base_ = './cutmix_seg.py'
model = dict(
    mixer=dict(area=(1e-4, 1.0), partner='nobody', outside=True),
    filter_before_mixing=True,
)
