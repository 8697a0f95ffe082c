from .beta_box_mix import BetaBoxMix
from .blend_mix import BlendMix
from .box_mix import BoxMix
from .class_box_mix import ClassBoxMix
from .class_mix import ClassMix
from .class_paste import ClassPaste
from .complex_mix import ComplexMix
from .mix_twice import MixTwice
from .partners import IN_BATCH, draw_partners, mix_alike, mix_labeled, mix_view

__all__ = [
    'IN_BATCH',
    'BetaBoxMix',
    'BlendMix',
    'BoxMix',
    'ClassBoxMix',
    'ClassMix',
    'ClassPaste',
    'ComplexMix',
    'MixTwice',
    'draw_partners',
    'mix_alike',
    'mix_labeled',
    'mix_view',
]
