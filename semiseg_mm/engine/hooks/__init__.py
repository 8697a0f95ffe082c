from .atomic_checkpoint_hook import AtomicCheckpointHook
from .crop_size_scheduler_hook import CropSizeSchedulerHook
from .curve_hook import CurveHook
from .early_end_hook import EarlyEndHook
from .finite_hook import FiniteHook
from .identity_hook import IdentityHook
from .mean_teacher_hook import MeanTeacherHook
from .picture_hook import PictureHook
from .result_hook import ResultHook
from .seg_visualization_hook import SegVisualizationHook
from .shares_timer_hook import SharesTimerHook
from .stop_hook import StopHook
from .watch_hook import WatchHook

__all__ = [
    'AtomicCheckpointHook',
    'CropSizeSchedulerHook',
    'CurveHook',
    'EarlyEndHook',
    'FiniteHook',
    'IdentityHook',
    'MeanTeacherHook',
    'PictureHook',
    'ResultHook',
    'SegVisualizationHook',
    'SharesTimerHook',
    'StopHook',
    'WatchHook',
]
