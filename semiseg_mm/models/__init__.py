from .backbones import DINOv2, WideResNet38
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import DeepLabV2Head, DPTMapHead
from .losses import MaskedCrossEntropy, ProbabilityMSE
from .mixing import BoxMix, ClassMix, MixMask
from .perturbations import ChannelDropout, ComplementaryDropout
from .pseudo_labels import ConfidentShare, HardPseudoLabel, SoftPseudoLabel, Threshold
from .segmentors import (
    CPSSegmentor,
    MeanTeacher,
    SelfTrainingSegmentor,
    SemiSegmentor,
    STPlusPlusSegmentor,
    SupOnly,
    WeakToStrongSegmentor,
)

__all__ = [
    'BoxMix',
    'CPSSegmentor',
    'ChannelDropout',
    'ClassMix',
    'ComplementaryDropout',
    'ConfidentShare',
    'DINOv2',
    'DPTMapHead',
    'DeepLabV2Head',
    'HardPseudoLabel',
    'MaskedCrossEntropy',
    'MeanTeacher',
    'MixMask',
    'ProbabilityMSE',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiDataPreprocessor',
    'SemiSegmentor',
    'SoftPseudoLabel',
    'SupOnly',
    'Threshold',
    'WeakToStrongSegmentor',
    'WideResNet38',
]
