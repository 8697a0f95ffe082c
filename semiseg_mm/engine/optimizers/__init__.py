from .layer_wise import LayerWiseConstructor

__all__ = ['LayerWiseConstructor']
