"""Trainings as processes: started, watched, stopped; compare and the quickstart are made of it."""

from .display import make_display
from .schedule import Deadline, continuable, run_all, share_cores
from .training_process import (
    TrainingProcess,
    own_environment,
    progress_in,
    tell_failures,
)

__all__ = [
    'Deadline',
    'TrainingProcess',
    'continuable',
    'make_display',
    'own_environment',
    'progress_in',
    'run_all',
    'share_cores',
    'tell_failures',
]
