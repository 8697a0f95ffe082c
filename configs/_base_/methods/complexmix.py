# ComplexMix (Chen et al. 2021, arXiv:2101.10156): a reconstruction. Its abstract says that it
# combines CutMix and ClassMix in a mean teacher; no code was found, and its text was not read.
# Here objects are pasted as in ClassMix, but in half of the cells of a grid alone. The rest is
# ClassMix's.
_base_ = './classmix.py'
model = dict(mixer=dict(type='ComplexMix', grids=(2, 4, 8)))
