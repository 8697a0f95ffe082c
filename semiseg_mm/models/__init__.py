from .auxiliaries import (
    ClassBank,
    ConvCorrector,
    ConvDiscriminator,
    ConvProjector,
    FlawDetector,
    ImageDiscriminator,
    ImageGenerator,
    frozen,
)
from .backbones import DINOv2, WideResNet38
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import DeepLabV2Head, DPTMapHead, DropoutASPPHead
from .losses import MaskedCrossEntropy, ProbabilityMSE, ProbOhemCrossEntropy, UnreliableContrast
from .mixing import BoxMix, ClassMix
from .perturbations import ChannelDropout, ComplementaryDropout
from .pseudo_labels import ConfidentShare, HardPseudoLabel, SoftPseudoLabel, Threshold
from .segmentors import (
    AdvSemSegSegmentor,
    CPSSegmentor,
    ECSSegmentor,
    GCTSegmentor,
    MeanTeacher,
    S4GANSegmentor,
    SelfTrainingSegmentor,
    SemiSegmentor,
    SoulyGANSegmentor,
    STPlusPlusSegmentor,
    SupOnly,
    U2PLSegmentor,
    WeakToStrongSegmentor,
)

__all__ = [
    'AdvSemSegSegmentor',
    'BoxMix',
    'CPSSegmentor',
    'ChannelDropout',
    'ClassBank',
    'ClassMix',
    'ComplementaryDropout',
    'ConfidentShare',
    'ConvCorrector',
    'ConvDiscriminator',
    'ConvProjector',
    'DINOv2',
    'DPTMapHead',
    'DeepLabV2Head',
    'DropoutASPPHead',
    'ECSSegmentor',
    'FlawDetector',
    'GCTSegmentor',
    'HardPseudoLabel',
    'ImageDiscriminator',
    'ImageGenerator',
    'MaskedCrossEntropy',
    'MeanTeacher',
    'ProbOhemCrossEntropy',
    'ProbabilityMSE',
    'S4GANSegmentor',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiDataPreprocessor',
    'SemiSegmentor',
    'SoftPseudoLabel',
    'SoulyGANSegmentor',
    'SupOnly',
    'Threshold',
    'U2PLSegmentor',
    'UnreliableContrast',
    'WeakToStrongSegmentor',
    'WideResNet38',
    'frozen',
]
