from .cli import run_test, run_train
from .sup_only import make_sup_only

__all__ = ['make_sup_only', 'run_test', 'run_train']
