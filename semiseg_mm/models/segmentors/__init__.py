from .adv_sem_seg import AdvSemSegSegmentor
from .base import SemiSegmentor
from .corrmatch import CorrMatchSegmentor
from .cps import CPSSegmentor
from .mean_teacher import MeanTeacher
from .prevmatch import PrevMatchSegmentor
from .self_training import SelfTrainingSegmentor
from .st_plus_plus import STPlusPlusSegmentor
from .sup_only import SupOnly
from .u2pl import U2PLSegmentor
from .weak_to_strong import WeakToStrongSegmentor

__all__ = [
    'AdvSemSegSegmentor',
    'CPSSegmentor',
    'CorrMatchSegmentor',
    'MeanTeacher',
    'PrevMatchSegmentor',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiSegmentor',
    'SupOnly',
    'U2PLSegmentor',
    'WeakToStrongSegmentor',
]
