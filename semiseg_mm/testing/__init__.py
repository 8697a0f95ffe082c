from .toy import ToyBackbone, toy_batch, toy_config, toy_network

__all__ = ['ToyBackbone', 'toy_batch', 'toy_config', 'toy_network']
