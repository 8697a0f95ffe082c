from .batch_colours import BatchColours
from .channel_dropout import ChannelDropout
from .complementary_dropout import ComplementaryDropout

__all__ = ['BatchColours', 'ChannelDropout', 'ComplementaryDropout']
