from .class_bank import ClassBank
from .conv_discriminator import ConvDiscriminator
from .frozen import frozen
from .projector import ConvProjector

__all__ = ['ClassBank', 'ConvDiscriminator', 'ConvProjector', 'frozen']
