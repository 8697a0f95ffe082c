"""``--cfg-options``: merged into a config if something reads them, and refused if nothing does."""

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.runner.utils import set_random_seed
from mmengine.utils import import_modules_from_strings
from torch.utils.data import DataLoader

from semiseg_mm.engine.optimizers import PartwiseConstructor
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.windows import CHOICES
from semiseg_mm.registry import DATASETS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from semiseg_mm.utils import nearest

from .hints import arguments, misfit, part_called

# What is read at the top of a config: Runner's arguments, what Runner asks its config for, …
OF_RUNNER = {*inspect.signature(Runner.__init__).parameters} - {'self', 'cfg', 'launcher'}
ASKED_FOR = {
    'model_wrapper_cfg', 'sync_bn', 'find_unused_parameters', 'activation_checkpointing',
    'efficient_conv_bn_eval', 'compile', 'channels_last',
}  # fmt: skip
OURS = {'runner_type', 'start_from', 'custom_imports', 'bands'}  # … and what this package does
STAGED = {'stages', 'rounds'}  # of StagedRunner
RUNNERS = (None, 'Runner', 'SemiRunner', 'StagedRunner')  # all that these read is known

LOADER = {*inspect.signature(DataLoader.__init__).parameters} - {'self'}
LOADER |= {'num_batch_per_epoch'}
# Keys of parts without a type, by their path
PARTS: dict[str, set[str]] = {
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'custom_imports': {'imports', 'allow_failed_imports'},
    'bands': {'count', 'bits', 'low', 'high'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'randomness': {*inspect.signature(set_random_seed).parameters},
    'optim_wrapper.clip_grad': {
        'type', 'max_norm', 'norm_type', 'error_if_nonfinite', 'foreach', 'clip_value',
    },
    **{f'{name}_dataloader': LOADER for name in ('train', 'val', 'test')},
}  # fmt: skip
# … of DefaultOptimWrapperConstructor, which asks for them by name
PARAMWISE = {
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult',
    'flat_decay_mult', 'dcn_offset_lr_mult', 'bypass_duplicate',
}  # fmt: skip
TEST_CFG = {'mode', 'crop_size', 'stride', 'scale_factor', 'subdivision_steps', *CHOICES}
PREFIXES = {'img_path', 'img_path2', 'seg_map_path', 'depth_map_path'}  # of mmseg's datasets
HOOKS = {
    'runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint', 'watch',
}  # fmt: skip
DEFAULT_TYPES = dict(
    log_processor='LogProcessor',
    model_wrapper_cfg='MMDistributedDataParallel',
    optim_wrapper='OptimWrapper',
)
ANYWHERE = {'type', '_scope_', '_delete_'}
# What others take out of a typed part before its constructor sees the rest, by its first key
TAKEN_OUT = dict(
    default_hooks={'priority'},
    custom_hooks={'priority'},
    param_scheduler={'convert_to_iter_based'},
    stages={'repeat'},
    optim_wrapper={'optimizer', 'constructor', 'paramwise_cfg'},
)


def apply_options(
    cfg: Config, options: dict[str, Any], option: str = '--cfg-options ', also: Iterable[str] = ()
) -> None:
    """Merge dotted keys into a config; stop at one that nothing would read.

    Args:
        option: What the user wrote before a key, for messages.
        also: Names at the top of the config that the caller itself reads.
    """
    before = copy.deepcopy(cfg._cfg_dict)
    for key, value in options.items():
        try:
            cfg.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError) as error:
            reason = str(error).strip('"').partition(' [')[0].rstrip('.')  # without whole lists
            raise UserError(f'{option}{key}=… does not fit its config: {reason}.') from error
    if any(key.split('.')[0] == 'custom_imports' for key in options):
        import_modules_from_strings(**cfg.custom_imports)
    init_default_scope(cfg.get('default_scope', 'semiseg_mm'))
    for key, value in options.items():
        path = key.split('.')
        old = _get(before, path) if _has(before, path) else None
        wrong = _unread(path, before, cfg._cfg_dict, {*also}) or misfit(path, value, old)
        if wrong:
            raise UserError(f'{option}{key}=…: {wrong}')


def _unread(path: list[str], before: dict, after: dict, also: set[str]) -> str | None:
    """What is wrong with a path, or None if something reads it (or nobody can tell)."""
    first, *rest = path
    known = OF_RUNNER | ASKED_FOR | OURS | also
    if after.get('runner_type') == 'StagedRunner':
        known |= STAGED
    if first not in known:
        return _at_the_top(first, rest, before, after, known)
    if first == 'stages' and len(path) > 3 and path[2] == 'cfg':  # a config over this one
        return _unread(path[3:], *(_of_stage(one, path[1]) for one in (before, after)), also)
    for depth in range(1, len(path)):
        parent, name = path[:depth], path[depth]
        if _has(before, path[: depth + 1]):
            continue
        wrong = _in_part(parent, name, after)
        if wrong:
            return wrong
    return None


def _of_stage(cfg: dict, number: str) -> dict:
    """The config of a stage's training."""
    stages = cfg.get('stages') or []
    own = stages[int(number)].get('cfg') if int(number) < len(stages) else None
    base = {key: value for key, value in cfg.items() if key not in STAGED}
    return Config._merge_a_into_b(copy.deepcopy(own or {}), copy.deepcopy(base))


def _get(cfg: Any, path: list[str]) -> Any:
    for key in path:
        cfg = cfg[int(key)] if isinstance(cfg, (list, tuple)) else cfg[key]
    return cfg


def _has(cfg: Any, path: list[str]) -> bool:
    try:
        _get(cfg, path)
    except (KeyError, IndexError, TypeError, ValueError):
        return False
    return True


# ------------------------------------------------------------------ at the top


def _at_the_top(
    first: str, rest: list[str], before: dict, after: dict, known: set[str]
) -> str | None:
    if first == 'launcher':
        return 'give --launcher instead.'
    if first in STAGED:
        return f"only a config with runner_type='StagedRunner' reads {first}."
    places = _places(first, before, known)
    shown = ', '.join('.'.join([place, *rest]) for place in places[:4])
    more = ', …' if len(places) > 4 else ''
    if first in before:
        if not places and _has_readers_of_its_own(after):
            return None
        text = f"nothing reads '{first}' once the config is parsed."
        if places:
            return f'{text} The value is used as {shown}{more}: set it there.'
        return text + nearest(first, known)
    if after.get('runner_type') not in RUNNERS:
        return None
    text = f"the config has no '{first}'."
    if places:
        return f'{text} Did you mean {shown}{more}?'
    keys = {key: path for path, key, _ in _walk(before, known)}
    near = nearest(first, [*known, *(key for key in keys if key not in known)], cutoff=0.6)
    found = re.search(r"'(\w+)'", near)
    if found and found[1] not in known:
        near = f" Did you mean '{keys[found[1]]}'?"
    return text + near


def _has_readers_of_its_own(cfg: dict) -> bool:
    """Whether code from outside may ask the config for any name."""
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    imports = [imports] if isinstance(imports, str) else imports
    foreign = any(name.split('.')[0] != 'semiseg_mm' for name in imports)
    return foreign or cfg.get('runner_type') not in RUNNERS


def _places(name: str, cfg: dict, known: set[str]) -> list[str]:
    """Where the value of a name at the top is used: under the same key, or at least equal."""
    nodes = sorted(_walk(cfg, known), key=lambda node: node[0].count('.'))
    named = [(path, value) for path, key, value in nodes if key == name]
    if name not in cfg:
        return [path for path, _ in named]
    wanted = _plain(cfg[name])
    same = [path for path, value in named if _plain(value) == wanted]
    telling = isinstance(cfg[name], (dict, list, tuple, str)) and cfg[name]
    equal = [path for path, _, value in nodes if telling and _plain(value) == wanted]
    return same or equal or [path for path, _ in named]


def _walk(cfg: dict, known: set[str]) -> Iterator[tuple[str, str, Any]]:
    """Path, key and value of all that lies below the names that are read."""

    def below(path: str, node: Any) -> Iterator[tuple[str, str, Any]]:
        listed = isinstance(node, (list, tuple))
        pairs = enumerate(node) if listed else node.items() if isinstance(node, dict) else ()
        for key, value in pairs:
            yield f'{path}.{key}', str(key), value
            yield from below(f'{path}.{key}', value)

    for name in cfg:
        if name in known:
            yield from below(name, cfg[name])


def _plain(value: Any) -> Any:
    """A value in which lists and tuples are the same."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


# ------------------------------------------------------------------ deeper


def _in_part(path: list[str], name: str, cfg: dict) -> str | None:
    """What is wrong with a new key in the part of a config at a path."""
    part = _get(cfg, path)
    if not isinstance(part, dict):
        return None
    where = '.'.join(path)
    if where == 'default_hooks':
        if name in HOOKS or (isinstance(part.get(name), dict) and 'type' in part[name]):
            return None
        return f"default_hooks has no '{name}'.{nearest(name, {*HOOKS, *part} - {name})}"
    known = PARTS.get(where) or _by_kind(path, cfg)
    if known is not None:
        if name in known:
            return None
        return f'{where} has no {name!r}: it may have {", ".join(sorted(known))}.' + nearest(
            name, known
        )
    return _of_type(path, name, part, cfg)


def _by_kind(path: list[str], cfg: dict) -> set[str] | None:
    """The keys of a part without a type that another part reads, if these are known."""
    where, owner = '.'.join(path), _get(cfg, path[:-1])
    if where.startswith('optim_wrapper.paramwise_cfg') and _constructor(cfg) in (
        DefaultOptimWrapperConstructor,
        PartwiseConstructor,
        None,
    ):
        depth = len(path)
        if len(path) > 2 and path[2] == 'parts':
            return None  # optimizers, by the names of parts
        own = {'parts'} if _constructor(cfg) is PartwiseConstructor else set()
        return PARAMWISE | own if depth == 2 else {'lr_mult', 'decay_mult'} if depth == 4 else None
    if path[-1] == 'data_prefix' and _is_known(owner, DATASETS):
        return PREFIXES
    if path[-1] == 'test_cfg' and path[0] == 'model' and len(path) <= 4:
        return TEST_CFG if _is_known(owner, MODELS) else None
    return None


def _constructor(cfg: dict) -> type | None:
    name = cfg['optim_wrapper'].get('constructor')
    return OPTIM_WRAPPER_CONSTRUCTORS.get(name) if isinstance(name, str) else name


def _is_known(part: Any, registry) -> bool:
    """Whether a part is of a type of this package or of mmseg, not of a user's code."""
    name = part.get('type') if isinstance(part, dict) else None
    kind: Callable | None = registry.get(name) if isinstance(name, str) else name
    return getattr(kind, '__module__', '').split('.')[0] in ('semiseg_mm', 'mmseg')


def _of_type(path: list[str], name: str, part: dict, cfg: dict) -> str | None:
    kind = part.get('type', DEFAULT_TYPES.get(path[0]) if len(path) == 1 else None)
    if not isinstance(kind, str):
        return None
    if path[0] == 'model' and path[-1].endswith('_cfg') and path[-1] != 'init_cfg':
        return None  # of a layer: mmcv takes some keys out, and refuses what is left
    if path == ['optim_wrapper'] and not issubclass(
        _constructor(cfg) or DefaultOptimWrapperConstructor, DefaultOptimWrapperConstructor
    ):
        return None  # it may take what it likes
    if path[0] == 'optim_wrapper' and len(path) > 1:
        taken_out = set()
    else:
        taken_out = TAKEN_OUT.get(path[0], set())
    found = arguments(kind)
    if found is None or found.open or name in found.names | taken_out | ANYWHERE:
        return None
    where = '.'.join(path)
    return found.refusal(where, name, kind) + part_called(name, part, where)
