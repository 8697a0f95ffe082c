from .adversarial import image_slope, worst_direction
from .batch_colours import BatchColours
from .channel_dropout import ChannelDropout
from .complementary_dropout import ComplementaryDropout
from .features import (
    CutOutObjects,
    DropActive,
    DropChannels,
    KeepObjects,
    NoisyFeatures,
    RemoveObjects,
    WorstFeatures,
)
from .objects import Objects

__all__ = [
    'BatchColours',
    'ChannelDropout',
    'ComplementaryDropout',
    'CutOutObjects',
    'DropActive',
    'DropChannels',
    'KeepObjects',
    'NoisyFeatures',
    'Objects',
    'RemoveObjects',
    'WorstFeatures',
    'image_slope',
    'worst_direction',
]
