from .adv_sem_seg import AdvSemSegSegmentor
from .base import SemiSegmentor
from .cct import CCTSegmentor
from .corrmatch import CorrMatchSegmentor
from .cps import CPSSegmentor
from .dcc import DCCSegmentor
from .dmt import DMTSegmentor
from .dual_teacher import DualTeacher
from .imas import IMASSegmentor
from .mean_teacher import MeanTeacher
from .prevmatch import PrevMatchSegmentor
from .s4l import S4LSegmentor
from .self_training import SelfTrainingSegmentor
from .st_plus_plus import STPlusPlusSegmentor
from .sup_only import SupOnly
from .u2pl import U2PLSegmentor
from .vat import VATSegmentor
from .weak_to_strong import WeakToStrongSegmentor

__all__ = [
    'AdvSemSegSegmentor',
    'CCTSegmentor',
    'CPSSegmentor',
    'CorrMatchSegmentor',
    'DCCSegmentor',
    'DMTSegmentor',
    'DualTeacher',
    'IMASSegmentor',
    'MeanTeacher',
    'PrevMatchSegmentor',
    'S4LSegmentor',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiSegmentor',
    'SupOnly',
    'U2PLSegmentor',
    'VATSegmentor',
    'WeakToStrongSegmentor',
]
