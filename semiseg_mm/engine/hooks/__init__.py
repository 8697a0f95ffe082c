from .atomic_checkpoint_hook import AtomicCheckpointHook
from .crop_size_scheduler_hook import CropSizeSchedulerHook
from .finite_hook import FiniteHook
from .identity_hook import IdentityHook
from .mean_teacher_hook import MeanTeacherHook
from .result_hook import ResultHook
from .shares_timer_hook import SharesTimerHook

__all__ = [
    'AtomicCheckpointHook',
    'CropSizeSchedulerHook',
    'FiniteHook',
    'IdentityHook',
    'MeanTeacherHook',
    'ResultHook',
    'SharesTimerHook',
]
