"""Children of mmseg's registries.

With ``default_scope = 'semiseg_mm'`` a type is looked for here first, then in mmseg, then in
mmengine, so configs need no prefix. A parent's modules are searched but not imported by mmengine,
so each registry also names mmseg's modules among its locations. None is without a location: for
such a one of a package whose configs it knows, mmengine calls a function that we need not have.
"""

import difflib

import mmseg.registry as mmseg_registry
from mmengine.registry import Registry

from semiseg_mm.compat import name_packages_for_configs
from semiseg_mm.errors import UserError

name_packages_for_configs()  # mmengine is imported by now


class HintingRegistry(Registry):
    """A registry that says what an unknown type could have been."""

    def get(self, key: str) -> type:
        found = super().get(key)
        if found is None:
            raise UserError(self._unknown(key))
        return found

    def __contains__(self, key: str) -> bool:
        return super().get(key) is not None

    def _unknown(self, key: str) -> str:
        names: set[str] = set()
        registry = self
        while registry is not None:
            names |= set(registry.module_dict)
            registry = registry.parent
        near = difflib.get_close_matches(key.split('.')[-1], sorted(names), n=3, cutoff=0.5)
        hint = f' Did you mean {" or ".join(near)}?' if near else ''
        return (
            f"type='{key}' is not a registered {self.name}.{hint} If it is your own class, name "
            f"its module in the config: custom_imports = dict(imports=['your.module'])."
        )


def _child(parent: Registry, *locations: str) -> Registry:
    return HintingRegistry(
        parent.name, parent=parent, scope='semiseg_mm', locations=list(locations) or ['semiseg_mm']
    )


RUNNERS = _child(mmseg_registry.RUNNERS, 'semiseg_mm.engine')
RUNNER_CONSTRUCTORS = _child(mmseg_registry.RUNNER_CONSTRUCTORS)
STAGES = HintingRegistry('stage', scope='semiseg_mm', locations=['semiseg_mm.engine'])
LOOPS = _child(mmseg_registry.LOOPS, 'semiseg_mm.engine')
WATCHES = HintingRegistry('watch', scope='semiseg_mm', locations=['semiseg_mm.engine'])
HOOKS = _child(mmseg_registry.HOOKS, 'semiseg_mm.engine', 'mmseg.engine')
LOG_PROCESSORS = _child(mmseg_registry.LOG_PROCESSORS)

DATASETS = _child(mmseg_registry.DATASETS, 'semiseg_mm.datasets', 'mmseg.datasets')
DATA_SAMPLERS = _child(mmseg_registry.DATA_SAMPLERS, 'semiseg_mm.datasets')
TRANSFORMS = _child(mmseg_registry.TRANSFORMS, 'semiseg_mm.datasets', 'mmseg.datasets.transforms')

MODELS = _child(mmseg_registry.MODELS, 'semiseg_mm.models', 'mmseg.models')
MODEL_WRAPPERS = _child(mmseg_registry.MODEL_WRAPPERS)
WEIGHT_INITIALIZERS = _child(
    mmseg_registry.WEIGHT_INITIALIZERS, 'semiseg_mm.models', 'mmseg.models'
)
TASK_UTILS = _child(mmseg_registry.TASK_UTILS, 'mmseg.models')

OPTIMIZERS = _child(mmseg_registry.OPTIMIZERS, 'mmseg.engine')
OPTIM_WRAPPERS = _child(mmseg_registry.OPTIM_WRAPPERS, 'semiseg_mm.engine', 'mmseg.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    mmseg_registry.OPTIM_WRAPPER_CONSTRUCTORS, 'semiseg_mm.engine', 'mmseg.engine'
)
PARAM_SCHEDULERS = _child(mmseg_registry.PARAM_SCHEDULERS, 'mmseg.engine')

METRICS = _child(mmseg_registry.METRICS, 'semiseg_mm.engine', 'mmseg.evaluation')
EVALUATOR = _child(mmseg_registry.EVALUATOR, 'mmseg.evaluation')
VISUALIZERS = _child(mmseg_registry.VISUALIZERS, 'mmseg.visualization')
VISBACKENDS = _child(mmseg_registry.VISBACKENDS)
INFERENCERS = _child(mmseg_registry.INFERENCERS)
