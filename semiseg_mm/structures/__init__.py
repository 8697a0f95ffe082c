from .mix_mask import MixMask
from .pseudo_label import PseudoLabel
from .sample_request import SampleRequest
from .view import View

__all__ = ['MixMask', 'PseudoLabel', 'SampleRequest', 'View']
