from .joint_optimizer import JointOptimizer
from .layer_wise import LayerWiseConstructor
from .partwise import PartwiseConstructor, check_parts

__all__ = ['JointOptimizer', 'LayerWiseConstructor', 'PartwiseConstructor', 'check_parts']
