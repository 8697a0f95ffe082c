from .attention_cam import AttentionCam
from .class_bank import ClassBank
from .conv_discriminator import ConvDiscriminator
from .frozen import frozen
from .projector import ConvProjector
from .rotation_head import RotationHead

__all__ = [
    'AttentionCam',
    'ClassBank',
    'ConvDiscriminator',
    'ConvProjector',
    'RotationHead',
    'frozen',
]
