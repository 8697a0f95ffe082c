from .channel_dropout import ChannelDropout
from .complementary_dropout import ComplementaryDropout

__all__ = ['ChannelDropout', 'ComplementaryDropout']
