from .build import build_runner
from .semi_runner import SemiRunner
from .staged_runner import StagedRunner

__all__ = ['SemiRunner', 'StagedRunner', 'build_runner']
