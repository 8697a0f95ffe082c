# DACS (Tranheden et al., WACV 2021) as its code: half of the classes of a labeled image, rounded
# up, are pasted with their true labels on an unlabeled one, which is of another camera;
# then colours change. Pasted pixels count 1, all others as much as the batch of unlabeled images
# has confident ones. The teacher is that of ClassMix.
# Ours: pixels without a label are no class (there: one); colours as in classmix.py.
_base_ = './classmix.py'
model = dict(
    mixer=dict(rounding='ceil', partner='labeled'),
    filter_before_mixing=True,
)
