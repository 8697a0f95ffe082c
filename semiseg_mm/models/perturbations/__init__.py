from .adversarial import image_slope, worst_direction
from .batch_colours import BatchColours
from .channel_dropout import ChannelDropout
from .complementary_dropout import ComplementaryDropout

__all__ = [
    'BatchColours',
    'ChannelDropout',
    'ComplementaryDropout',
    'image_slope',
    'worst_direction',
]
