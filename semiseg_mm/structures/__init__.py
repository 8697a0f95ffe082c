from .mix_mask import MixMask
from .pseudo_label import PseudoLabel
from .sample_request import Overlap, SampleRequest
from .view import View

__all__ = ['MixMask', 'Overlap', 'PseudoLabel', 'SampleRequest', 'View']
