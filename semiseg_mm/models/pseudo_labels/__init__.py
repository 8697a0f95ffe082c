from .agreement import image_agreement
from .entropy import entropy_of, quantile
from .filters import ConfidentShare, Threshold
from .hard import HardPseudoLabel
from .observing import filtered, observe, observe_logits
from .soft import SoftPseudoLabel
from .stored import stored_label

__all__ = [
    'ConfidentShare',
    'HardPseudoLabel',
    'SoftPseudoLabel',
    'Threshold',
    'entropy_of',
    'filtered',
    'image_agreement',
    'observe',
    'observe_logits',
    'quantile',
    'stored_label',
]
