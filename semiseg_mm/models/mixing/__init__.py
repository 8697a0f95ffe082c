from .box_mix import BoxMix
from .mix_mask import MixMask

__all__ = ['BoxMix', 'MixMask']
