from .backbones import WideResNet38
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import DeepLabV2Head
from .losses import MaskedCrossEntropy, ProbabilityMSE
from .mixing import BoxMix, ClassMix, MixMask
from .pseudo_labels import HardPseudoLabel, SoftPseudoLabel
from .segmentors import (
    CPSSegmentor,
    MeanTeacher,
    SelfTrainingSegmentor,
    SemiSegmentor,
    STPlusPlusSegmentor,
    SupOnly,
)

__all__ = [
    'BoxMix',
    'CPSSegmentor',
    'ClassMix',
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
    'WideResNet38',
]
