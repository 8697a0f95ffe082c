from .pseudo_label import PseudoLabel
from .sample_request import SampleRequest
from .view import View

__all__ = ['PseudoLabel', 'SampleRequest', 'View']
