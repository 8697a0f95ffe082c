from .accumulation import accumulated
from .bfloat16 import Bfloat16OptimWrapper
from .joint_optimizer import JointOptimizer
from .layer_wise import LayerWiseConstructor
from .partwise import PartwiseConstructor, check_parts

__all__ = [
    'Bfloat16OptimWrapper',
    'JointOptimizer',
    'LayerWiseConstructor',
    'PartwiseConstructor',
    'accumulated',
    'check_parts',
]
