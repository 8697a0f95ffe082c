from .atomic_checkpoint_hook import AtomicCheckpointHook
from .identity_hook import IdentityHook
from .mean_teacher_hook import MeanTeacherHook
from .result_hook import ResultHook

__all__ = ['AtomicCheckpointHook', 'IdentityHook', 'MeanTeacherHook', 'ResultHook']
