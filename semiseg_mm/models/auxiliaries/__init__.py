from .class_bank import ClassBank
from .conv_discriminator import ConvDiscriminator
from .correlation import Correlation
from .frozen import frozen
from .projector import ConvProjector
from .rotation_head import RotationHead
from .snapshots import Snapshots

__all__ = [
    'ClassBank',
    'ConvDiscriminator',
    'ConvProjector',
    'Correlation',
    'RotationHead',
    'Snapshots',
    'frozen',
]
