from .random import preserved_rng, seed_all

__all__ = ['preserved_rng', 'seed_all']
