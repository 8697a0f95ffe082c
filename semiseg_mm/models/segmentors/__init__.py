from .adv_sem_seg import AdvSemSegSegmentor
from .base import SemiSegmentor
from .cps import CPSSegmentor
from .ecs import ECSSegmentor
from .gct import GCTSegmentor
from .mean_teacher import MeanTeacher
from .s4gan import S4GANSegmentor
from .self_training import SelfTrainingSegmentor
from .souly_gan import SoulyGANSegmentor
from .st_plus_plus import STPlusPlusSegmentor
from .sup_only import SupOnly
from .u2pl import U2PLSegmentor
from .weak_to_strong import WeakToStrongSegmentor

__all__ = [
    'AdvSemSegSegmentor',
    'CPSSegmentor',
    'ECSSegmentor',
    'GCTSegmentor',
    'MeanTeacher',
    'S4GANSegmentor',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiSegmentor',
    'SoulyGANSegmentor',
    'SupOnly',
    'U2PLSegmentor',
    'WeakToStrongSegmentor',
]
