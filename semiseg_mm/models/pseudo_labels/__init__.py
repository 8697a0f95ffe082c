from .filters import ConfidentShare, Threshold
from .hard import HardPseudoLabel
from .soft import SoftPseudoLabel

__all__ = ['ConfidentShare', 'HardPseudoLabel', 'SoftPseudoLabel', 'Threshold']
