from .checkpoint import register_safe_loaders
from .hooks import (
    AtomicCheckpointHook,
    CropSizeSchedulerHook,
    IdentityHook,
    MeanTeacherHook,
    ResultHook,
    WatchHook,
)
from .loops import NetworksTestLoop, NetworksValLoop, SemiTrainLoop
from .metrics import ConfusionMetric
from .mlflow_backend import MLflowPngBackend
from .optimizers import (
    Bfloat16OptimWrapper,
    JointOptimizer,
    LayerWiseConstructor,
    PartwiseConstructor,
)
from .runner import SemiRunner, StagedRunner
from .stages import TrainStage

register_safe_loaders()

__all__ = [
    'AtomicCheckpointHook',
    'Bfloat16OptimWrapper',
    'ConfusionMetric',
    'CropSizeSchedulerHook',
    'IdentityHook',
    'JointOptimizer',
    'LayerWiseConstructor',
    'MLflowPngBackend',
    'MeanTeacherHook',
    'NetworksTestLoop',
    'NetworksValLoop',
    'PartwiseConstructor',
    'ResultHook',
    'SemiRunner',
    'SemiTrainLoop',
    'StagedRunner',
    'TrainStage',
    'WatchHook',
]
