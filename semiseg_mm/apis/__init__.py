from .cli import run_test, run_train
from .publish import publish, run_publish
from .sup_only import make_sup_only

__all__ = ['make_sup_only', 'publish', 'run_publish', 'run_test', 'run_train']
