"""From one base config and a method's file to the config of a training."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.options import apply_options
from semiseg_mm.apis.reading import read_config
from semiseg_mm.engine.rewriting import KEPT, make_sup_only, use_parts
from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import METHODS, SCOPE, config_path

SHARED = ('model.segmentor', *(f'model.{key}' for key in KEPT))
# what a method's file says, and so no option for all methods
DECIDED = ('model', 'views', 'train_dataloader.dataset.views', 'custom_hooks', 'stages', 'rounds',
           'runner_type')  # fmt: skip
GIVEN = ('randomness.seed', 'train_dataloader.sampler.labeled_only')  # by compare itself
# what the options of one method may change: the rest is what a comparison keeps equal
OWN = (*DECIDED[:-1], 'optim_wrapper', 'param_scheduler', 'model_wrapper_cfg',
       'find_unused_parameters')  # fmt: skip


class Choice(NamedTuple):
    """Hold a method as it was asked for."""

    name: str  # in the table, and of its folder
    file: Path
    options: dict = {}


def choose(words: Iterable[str]) -> list[Choice]:
    """Read ``name``, ``path`` or ``label=name or path``: of files of methods, or of leaves."""
    chosen: dict[str, Choice] = {}
    for word in words:
        label, _, name = word.partition('=') if '=' in word else ('', '', word)
        file = _find(name)
        label = label or file.stem
        if label in chosen:
            raise UserError(
                f"--methods names '{label}' twice: give one of them another label, as in "
                f'{label}_2={name}.'
            )
        if '/' in label or label == 'configs' or label.startswith('.'):
            raise UserError(f"--methods {word}: '{label}' cannot be the name of a folder here.")
        chosen[label] = Choice(label, file)
    return list(chosen.values())


def _find(name: str) -> Path:
    known = sorted(path.stem for path in METHODS.glob('*.py'))
    if name in known:
        return METHODS / f'{name}.py'
    try:
        return Path(config_path(name))
    except UserError as error:
        if name.endswith('.py') or '::' in name:
            raise UserError(f'--methods {name}: {error}') from None
    raise UserError(
        f"--methods: there is no '{name}' in {METHODS}.{nearest(name, known)}"
        + f' There are {", ".join(known)}; the name or path of a leaf will do, too.'
    )


def method_of(path: Path) -> Path | None:
    """Return the file of METHODS that a leaf is made from.

    It is known by its name: the leaf may lie in a checkout while another copy of the package runs.
    """
    for name in Config._get_base_files(str(path)):
        file = Path(config_path(name)) if name.startswith(SCOPE) else (path.parent / name).resolve()
        if file.parts[-3:-1] == METHODS.parts[-2:] and (METHODS / file.name).is_file():
            return METHODS / file.name
        found = method_of(file) if file.is_file() else None
        if found:
            return found
    return None


def load_base(path: str, options: dict) -> Config:
    """Return the base, with the options for all methods."""
    for key in options:
        if below(key, (*DECIDED, *GIVEN)) and not below(key, SHARED):
            raise UserError(
                f'--cfg-options {key}=…: '
                + (
                    'give --seeds instead.'
                    if key == GIVEN[0]
                    else 'the methods decide that. For one: --method-options NAME:KEY=VALUE.'
                )
            )
    cfg = load_config(path, options, also=['strong_views'])
    sampler = (cfg.get('train_dataloader') or {}).get('sampler', {})
    if 'labeled' not in sampler or not sampler.get('unlabeled'):
        number = sampler.get('labeled')
        option = f'--cfg-options train_dataloader.sampler.unlabeled={number}'
        raise UserError(
            f'{path} needs a SourceRatioSampler with labeled and unlabeled images in '
            'train_dataloader.sampler, to be the base of a comparison'
            + (f': as many of both with {option}.' if number else '.')
        )
    if isinstance(cfg.model.get('segmentor'), list):
        raise UserError(
            f'{path} has several networks in model.segmentor: a base of a comparison has one.'
        )
    if not any((cfg.get('train_cfg') or {}).get(name) for name in ('max_iters', 'epochs')):
        raise UserError(
            f'{path} needs train_cfg.max_iters or train_cfg.epochs, to be the base of a comparison.'
        )
    if sampler.get('labeled_only') and 'auto_scale_lr' in cfg:  # it counted the labeled images
        whole = (sampler.labeled + sampler.unlabeled) / sampler.labeled
        cfg.auto_scale_lr.base_batch_size = round(cfg.auto_scale_lr.base_batch_size * whole)
    sampler.labeled_only = False
    for key in cfg.get('sampler_options', ()):  # of the base's own method
        sampler.pop(key, None)
    for key in ('stages', 'rounds', 'custom_hooks'):
        cfg.pop(key, None)
    cfg.runner_type = 'SemiRunner'
    return cfg


def compose(base: Config, choice: Choice) -> Config:
    """Give the base a method: network, data, stream, schedule and evaluation stay the base's."""
    cfg, method = copy.deepcopy(base), read_config(choice.file)
    if 'type' not in method.get('model', {}):
        raise UserError(f'{choice.file} is no method: it has no model with a type.')
    if isinstance(method.model.get('segmentor'), list):
        raise UserError(
            f'{choice.file} is a method of several networks of its own, and a comparison gives all '
            "the base's one: train it by itself, or name its file of configs/_base_/methods."
        )
    kept = {key: cfg.model[key] for key in ('segmentor', *KEPT) if key in cfg.model}
    own = {key: value for key, value in method.model.items() if f'model.{key}' not in SHARED}
    cfg.model = {**own, **kept}
    cfg.custom_hooks = method.get('custom_hooks', [])
    paramwise = (method.get('optim_wrapper') or {}).get('paramwise_cfg') or {}
    use_parts(cfg, paramwise.get('parts') or method.get('optimizer_parts'))
    cfg.train_dataloader.sampler.update(method.get('sampler_options', {}))
    for key in ('stages', 'rounds'):
        if method.get(key):
            cfg[key] = method[key]
    if method.get('stages'):
        cfg.runner_type = 'StagedRunner'
    of_leaf = method.get('train_dataloader', {}).get('dataset', {}).get('views')
    views = of_leaf or follow(method.get('views'), base.get('strong_views'))
    if views is not None:
        cfg.train_dataloader.dataset.views = views
    imports = [c.custom_imports for c in (cfg, method) if c.get('custom_imports')]
    if imports:
        names = dict.fromkeys(name for one in imports for name in _listed(one['imports']))
        cfg.custom_imports = dict(imports=list(names), allow_failed_imports=False)
    if own['type'] == 'SupOnly' and not method.get('stages'):
        hooks, cfg = cfg.custom_hooks, make_sup_only(cfg)
        cfg.custom_hooks = hooks
    _apply(cfg, choice)
    return cfg


def follow(views: dict | None, strong_views: dict | None) -> dict | None:
    """Let a dataset's own strong view stand wherever a method says ``StrongView``."""
    strong = (strong_views or {}).get('strong')
    if views is None or strong is None:
        return views
    return {
        name: [
            copy.deepcopy(one)
            for step in pipeline
            for one in (strong if step['type'] == 'StrongView' else [step])
        ]
        for name, pipeline in views.items()
    }


def _apply(cfg: Config, choice: Choice) -> None:
    for key in choice.options:
        where = f'--method-options {choice.name}:{key}=…'
        if not below(key, OWN) or below(key, SHARED):
            raise UserError(
                f'{where}: a comparison keeps that equal. For all methods: --cfg-options.'
            )
    apply_options(cfg, choice.options, f'--method-options {choice.name}:')


def below(key: str, names: Iterable[str]) -> bool:
    return any(key == name or key.startswith(f'{name}.') for name in names)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
