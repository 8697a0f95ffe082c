from .checkpoint import register_safe_loaders
from .hooks import (
    AtomicCheckpointHook,
    CropSizeSchedulerHook,
    IdentityHook,
    MeanTeacherHook,
    ResultHook,
)
from .loops import NetworksTestLoop, NetworksValLoop, SemiTrainLoop
from .optimizers import LayerWiseConstructor
from .runner import SemiRunner, StagedRunner
from .stages import TrainStage

register_safe_loaders()

__all__ = [
    'AtomicCheckpointHook',
    'CropSizeSchedulerHook',
    'IdentityHook',
    'LayerWiseConstructor',
    'MeanTeacherHook',
    'NetworksTestLoop',
    'NetworksValLoop',
    'ResultHook',
    'SemiRunner',
    'SemiTrainLoop',
    'StagedRunner',
    'TrainStage',
]
