"""Checks that look at a training while it runs. ``WatchHook`` asks them and says what they find."""

from .data import ManyRepeats, ManyUnseen, TrainedOnValidation
from .norms import FewImages
from .schedule import RateZero, ScheduleEnd
from .size import LargeImages
from .teacher import LongMemory, TeacherBehind
from .used import AllUsed, LittleUsed
from .watch import Mean, Watch

__all__ = [
    'AllUsed',
    'FewImages',
    'LargeImages',
    'LittleUsed',
    'LongMemory',
    'ManyRepeats',
    'ManyUnseen',
    'Mean',
    'RateZero',
    'ScheduleEnd',
    'TeacherBehind',
    'TrainedOnValidation',
    'Watch',
]
