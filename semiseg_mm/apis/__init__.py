from semiseg_mm.engine.rewriting import make_sup_only

from .cli import run_test, run_train
from .publish import publish, run_publish

__all__ = ['make_sup_only', 'publish', 'run_publish', 'run_test', 'run_train']
