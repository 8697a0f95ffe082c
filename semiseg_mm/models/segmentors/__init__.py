from .base import SemiSegmentor
from .cps import CPSSegmentor
from .mean_teacher import MeanTeacher
from .sup_only import SupOnly

__all__ = ['CPSSegmentor', 'MeanTeacher', 'SemiSegmentor', 'SupOnly']
