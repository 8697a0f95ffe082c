from .base import SemiSegmentor
from .cps import CPSSegmentor
from .mean_teacher import MeanTeacher
from .self_training import SelfTrainingSegmentor
from .st_plus_plus import STPlusPlusSegmentor
from .sup_only import SupOnly
from .weak_to_strong import WeakToStrongSegmentor

__all__ = [
    'CPSSegmentor',
    'MeanTeacher',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiSegmentor',
    'SupOnly',
    'WeakToStrongSegmentor',
]
