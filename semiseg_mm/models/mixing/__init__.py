from .box_mix import BoxMix
from .class_mix import ClassMix
from .mix_mask import MixMask

__all__ = ['BoxMix', 'ClassMix', 'MixMask']
