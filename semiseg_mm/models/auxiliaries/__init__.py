from .class_bank import ClassBank
from .conv_discriminator import ConvDiscriminator
from .correlation import Correlation
from .frozen import frozen
from .projector import ConvProjector
from .snapshots import Snapshots

__all__ = ['ClassBank', 'ConvDiscriminator', 'ConvProjector', 'Correlation', 'Snapshots', 'frozen']
