from .attention_cam import AttentionCam
from .class_bank import ClassBank
from .conv_corrector import ConvCorrector
from .conv_discriminator import ConvDiscriminator
from .correlation import Correlation
from .flaw_detector import FlawDetector
from .frozen import frozen
from .image_discriminator import ImageDiscriminator
from .image_generator import ImageGenerator
from .projector import ConvProjector
from .rotation_head import RotationHead
from .snapshots import Snapshots

__all__ = [
    'AttentionCam',
    'ClassBank',
    'ConvCorrector',
    'ConvDiscriminator',
    'ConvProjector',
    'FlawDetector',
    'ImageDiscriminator',
    'ImageGenerator',
    'Correlation',
    'RotationHead',
    'Snapshots',
    'frozen',
]
