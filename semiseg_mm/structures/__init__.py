from .mix_mask import MixMask
from .pseudo_label import MOST_CLASSES, PseudoLabel
from .sample_request import Overlap, SampleRequest
from .view import View

__all__ = [
    'MOST_CLASSES',
    'MixMask',
    'Overlap',
    'PseudoLabel',
    'SampleRequest',
    'View',
]
