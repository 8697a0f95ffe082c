from .box_mix import BoxMix
from .class_mix import ClassMix
from .partners import draw_partners, mix_alike, mix_view

__all__ = ['BoxMix', 'ClassMix', 'draw_partners', 'mix_alike', 'mix_view']
