from .buffers import average_buffers
from .random import preserved_rng, seed_all

__all__ = ['average_buffers', 'preserved_rng', 'seed_all']
