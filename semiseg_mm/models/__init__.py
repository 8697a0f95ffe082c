from .auxiliaries import (
    ClassBank,
    ConvDiscriminator,
    ConvProjector,
    Correlation,
    Snapshots,
    frozen,
)
from .backbones import DINOv2, WideResNet38
from .data_preprocessor import SemiDataPreprocessor
from .decode_heads import DeepLabV2Head, DPTMapHead, DropoutASPPHead
from .losses import MaskedCrossEntropy, ProbabilityMSE, ProbOhemCrossEntropy, UnreliableContrast
from .mixing import BoxMix, ClassMix
from .perturbations import ChannelDropout, ComplementaryDropout
from .pseudo_labels import (
    ConfidentShare,
    ContextPseudoLabel,
    HardPseudoLabel,
    MeanConfidence,
    RunningThreshold,
    SoftPseudoLabel,
    Threshold,
    TopShare,
)
from .segmentors import (
    AdvSemSegSegmentor,
    CorrMatchSegmentor,
    CPSSegmentor,
    MeanTeacher,
    PrevMatchSegmentor,
    SelfTrainingSegmentor,
    SemiSegmentor,
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
    'ContextPseudoLabel',
    'ConvDiscriminator',
    'ConvProjector',
    'CorrMatchSegmentor',
    'Correlation',
    'DINOv2',
    'DPTMapHead',
    'DeepLabV2Head',
    'DropoutASPPHead',
    'HardPseudoLabel',
    'MaskedCrossEntropy',
    'MeanConfidence',
    'MeanTeacher',
    'PrevMatchSegmentor',
    'ProbOhemCrossEntropy',
    'ProbabilityMSE',
    'RunningThreshold',
    'STPlusPlusSegmentor',
    'SelfTrainingSegmentor',
    'SemiDataPreprocessor',
    'SemiSegmentor',
    'Snapshots',
    'SoftPseudoLabel',
    'SupOnly',
    'Threshold',
    'TopShare',
    'U2PLSegmentor',
    'UnreliableContrast',
    'WeakToStrongSegmentor',
    'WideResNet38',
    'frozen',
]
