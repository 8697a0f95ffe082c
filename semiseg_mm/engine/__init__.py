from .checkpoint import register_safe_loaders
from .hooks import (
    AtomicCheckpointHook,
    CropSizeSchedulerHook,
    IdentityHook,
    MeanTeacherHook,
    ResultHook,
)
from .loops import NetworksTestLoop, NetworksValLoop, SemiTrainLoop
from .runner import SemiRunner, StagedRunner
from .stages import TrainStage

register_safe_loaders()

__all__ = [
    'AtomicCheckpointHook',
    'CropSizeSchedulerHook',
    'IdentityHook',
    'MeanTeacherHook',
    'NetworksTestLoop',
    'NetworksValLoop',
    'ResultHook',
    'SemiRunner',
    'SemiTrainLoop',
    'StagedRunner',
    'TrainStage',
]
