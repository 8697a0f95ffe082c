"""How the networks of a training are executed: for speed, memory or determinism.

Options at the top of a config. None of them changes what a checkpoint holds.
"""

from operator import attrgetter

import torch
from mmengine.config import Config
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.models.determinism import pool_by_products
from semiseg_mm.models.recompute import recompute
from semiseg_mm.utils import nearest

COMPILED = ('backbone', 'neck')  # a hook reads what the last layer of a head receives


def check_execution(model: nn.Module, cfg: Config) -> None:
    """Refuse what cannot be done, before a training begins."""
    names = _forgetful(cfg)
    if names and cfg.get('compile'):
        raise UserError(
            'compile and activation_checkpointing do not go together: leave one of them out '
            '(what is compiled saves activations on its own).'
        )
    known = {name for name, _ in model.named_modules() if name}
    for name in names:
        if name not in known:
            raise UserError(
                f"activation_checkpointing: the model has no part '{name}'."
                f'{nearest(name, known)} A name is a path such as '
                'networks.student.backbone.layer3.'
            )


def lay_out(model: nn.Module, cfg: Config) -> None:
    """Lay weights out as the config says, before they are distributed: buckets are laid out alike.

    Else a gradient has another layout in the first iteration than later, and a resumed training
    rounds otherwise than an uninterrupted one.
    """
    if cfg.get('channels_last'):
        model.to(memory_format=torch.channels_last)


def prepare_execution(model: SemiSegmentor, cfg: Config) -> None:
    """Do what the options say, once the weights are there."""
    if torch.are_deterministic_algorithms_enabled():
        pool_by_products(model)
    for name in _forgetful(cfg):
        module = attrgetter(name)(model)
        # mmengine has put a way there that loses the gradient where images require none
        module.forward = module.forward.__wrapped__
        recompute(module)
    options = cfg.get('compile')
    if options:
        options = dict(options) if isinstance(options, dict) else {}
        for network in model.networks.values():
            for part in (getattr(network, name, None) for name in COMPILED):
                if part is not None:
                    _compile(part, model, options)


def _forgetful(cfg: Config) -> list[str]:
    names = cfg.get('activation_checkpointing') or []
    return [names] if isinstance(names, str) else list(names)


def _compile(part: nn.Module, model: nn.Module, options: dict) -> None:
    """Compile a part for training; validation, with images of other sizes, goes without.

    Each size has a graph of its own, so that a resumed training has the same ones.
    """
    plain = part.forward
    compiled = torch.compile(plain, **{'dynamic': False, **options})

    def forward(*args, **kwargs):
        return (compiled if model.training else plain)(*args, **kwargs)

    part.forward = forward
