from .hard import HardPseudoLabel
from .soft import SoftPseudoLabel

__all__ = ['HardPseudoLabel', 'SoftPseudoLabel']
