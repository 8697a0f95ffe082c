from .adv_sem_seg import AdvSemSegSegmentor
from .base import SemiSegmentor
from .cct import CCTSegmentor
from .contrast import ContrastSegmentor
from .corrmatch import CorrMatchSegmentor
from .cps import CPSSegmentor
from .dcc import DCCSegmentor
from .dmt import DMTSegmentor
from .dual_teacher import DualTeacher
from .ecs import ECSSegmentor
from .gct import GCTSegmentor
from .imas import IMASSegmentor
from .mean_teacher import MeanTeacher
from .prevmatch import PrevMatchSegmentor
from .pseudo_seg import PseudoSegSegmentor
from .s4gan import S4GANSegmentor
from .s4l import S4LSegmentor
from .self_training import SelfTrainingSegmentor
from .souly_gan import SoulyGANSegmentor
from .st_plus_plus import STPlusPlusSegmentor
from .sup_only import SupOnly
from .u2pl import U2PLSegmentor
from .vat import VATSegmentor
from .weak_to_strong import WeakToStrongSegmentor

__all__ = [
    'AdvSemSegSegmentor',
    'CCTSegmentor',
    'CPSSegmentor',
    'ContrastSegmentor',
    'CorrMatchSegmentor',
    'DCCSegmentor',
    'DMTSegmentor',
    'DualTeacher',
    'ECSSegmentor',
    'GCTSegmentor',
    'IMASSegmentor',
    'MeanTeacher',
    'PrevMatchSegmentor',
    'PseudoSegSegmentor',
    'S4GANSegmentor',
    'S4LSegmentor',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiSegmentor',
    'SoulyGANSegmentor',
    'SupOnly',
    'U2PLSegmentor',
    'VATSegmentor',
    'WeakToStrongSegmentor',
]
