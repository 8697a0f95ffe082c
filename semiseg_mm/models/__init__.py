from .auxiliaries import ClassBank, ConvDiscriminator, ConvProjector, frozen
from .backbones import DINOv2, WideResNet38
from .class_confidence import ByClassConfidence, ClassConfidence
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import DeepLabV2Head, DPTMapHead, DropoutASPPHead
from .losses import (
    ClassSampledCrossEntropy,
    MaskedCrossEntropy,
    ProbabilityMSE,
    ProbOhemCrossEntropy,
    UnreliableContrast,
)
from .mixing import BetaBoxMix, BlendMix, BoxMix, ClassBoxMix, ClassMix, ClassPaste, MixTwice
from .perturbations import BatchColours, ChannelDropout, ComplementaryDropout
from .pseudo_labels import ConfidentShare, HardPseudoLabel, SoftPseudoLabel, Threshold
from .segmentors import (
    AdvSemSegSegmentor,
    CPSSegmentor,
    DualTeacher,
    IMASSegmentor,
    MeanTeacher,
    SelfTrainingSegmentor,
    SemiSegmentor,
    STPlusPlusSegmentor,
    SupOnly,
    U2PLSegmentor,
    WeakToStrongSegmentor,
)

__all__ = [
    'AdvSemSegSegmentor',
    'BatchColours',
    'BetaBoxMix',
    'BlendMix',
    'BoxMix',
    'ByClassConfidence',
    'CPSSegmentor',
    'ChannelDropout',
    'ClassBank',
    'ClassBoxMix',
    'ClassConfidence',
    'ClassMix',
    'ClassPaste',
    'ClassSampledCrossEntropy',
    'ComplementaryDropout',
    'ConfidentShare',
    'ConvDiscriminator',
    'ConvProjector',
    'DINOv2',
    'DPTMapHead',
    'DeepLabV2Head',
    'DropoutASPPHead',
    'DualTeacher',
    'HardPseudoLabel',
    'IMASSegmentor',
    'MaskedCrossEntropy',
    'MeanTeacher',
    'MixTwice',
    'ProbOhemCrossEntropy',
    'ProbabilityMSE',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiDataPreprocessor',
    'SemiSegmentor',
    'SoftPseudoLabel',
    'SupOnly',
    'Threshold',
    'U2PLSegmentor',
    'UnreliableContrast',
    'WeakToStrongSegmentor',
    'WideResNet38',
    'frozen',
]
