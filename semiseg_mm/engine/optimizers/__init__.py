from .joint_optimizer import JointOptimizer
from .layer_wise import LayerWiseConstructor
from .partwise import PartwiseConstructor

__all__ = ['JointOptimizer', 'LayerWiseConstructor', 'PartwiseConstructor']
