from .data_preprocessor import SemiDataPreprocessor
from .losses import MaskedCrossEntropy, ProbabilityMSE
from .mixing import BoxMix, MixMask
from .pseudo_labels import HardPseudoLabel, SoftPseudoLabel
from .segmentors import CPSSegmentor, MeanTeacher, SemiSegmentor, SupOnly

__all__ = [
    'BoxMix',
    'CPSSegmentor',
    'HardPseudoLabel',
    'MaskedCrossEntropy',
    'MeanTeacher',
    'MixMask',
    'ProbabilityMSE',
    'SemiDataPreprocessor',
    'SemiSegmentor',
    'SoftPseudoLabel',
    'SupOnly',
]
