from .beta_box_mix import BetaBoxMix
from .blend_mix import BlendMix
from .box_mix import BoxMix
from .class_mix import ClassMix
from .mix_twice import MixTwice
from .partners import draw_partners, mix_view

__all__ = [
    'BetaBoxMix',
    'BlendMix',
    'BoxMix',
    'ClassMix',
    'MixTwice',
    'draw_partners',
    'mix_view',
]
