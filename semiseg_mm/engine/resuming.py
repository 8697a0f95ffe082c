"""Which checkpoint a training can go on from, and what is wrong with the others."""

from typing import Any

from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.utils import unwrapped

from .checkpoint import checkpoints, safe_load

IDENTITY = 'semiseg_mm'  # of a run, in a checkpoint's meta
IDENTIFIED = dict(data=dict, seed=int, world_size=int, batch=list, max_iters=int)
PARTS = dict(state_dict=dict, meta=dict, message_hub=dict, optimizer=dict)


def newest_resumable(
    folder: str, model: nn.Module | None = None
) -> tuple[str | None, list[tuple[str, str]]]:
    """Return the newest checkpoint that the model can go on from, and those passed over.

    Without a model it is the newest one of a training. Of the others a reason is told: the file
    does not load, is none (a pipe, a folder), is no checkpoint of a training, or one of another
    network.
    """
    skipped = []
    for path in reversed(checkpoints(folder).values()):
        reason = obstacle(path, model)
        if reason is None:
            return path, skipped
        skipped.append((path, reason))
    return None, skipped


def obstacle(path: str, model: nn.Module | None = None) -> str | None:
    """Say why a training (of the model) cannot go on from a checkpoint; None if it can."""
    try:
        content = safe_load(path)
    except (UserError, FileNotFoundError) as error:
        return str(error)
    lack = _lack(content)
    return lack if lack or model is None else _misfit(content['state_dict'], model)


def _lack(content: Any) -> str | None:
    """Say what a whole checkpoint of a training holds, and this one does not."""
    if not isinstance(content, dict):
        return 'it is no checkpoint'
    wrong = [key for key, kind in PARTS.items() if not isinstance(content.get(key), kind)]
    if not wrong:
        meta = content['meta']
        wrong = [f'meta.{key}' for key in ('iter', 'epoch') if type(meta.get(key)) is not int]
        known = meta.get(IDENTITY, {})
        if IDENTITY in meta and not isinstance(known, dict):
            wrong.append(f'meta.{IDENTITY}')
        elif IDENTITY in meta:
            bad = [key for key, kind in IDENTIFIED.items() if not isinstance(known.get(key), kind)]
            wrong += [f'meta.{IDENTITY}.{key}' for key in bad]
    return f'it is no checkpoint of a training: it has no {", ".join(wrong)}' if wrong else None


def _misfit(weights: dict, model: nn.Module) -> str | None:
    """Say where stored weights are not those of the model; a buffer (a bank) may have grown."""
    model = unwrapped(model)
    own, parameters = model.state_dict().keys(), dict(model.named_parameters())
    found = [f'it has no {name}' for name in own if name not in weights]
    found += [f'{name} is unknown here' for name in weights if name not in own]
    if not found:
        shapes = {
            name: (getattr(weights[name], 'shape', ()), value.shape)
            for name, value in parameters.items()
            if name in own
        }
        found = [
            f'{name} is {list(there)} there and {list(here)} here'
            for name, (there, here) in shapes.items()
            if there != here
        ]
    if not found:
        return None
    more = f', and {len(found) - 1} more such' if len(found) > 1 else ''
    return f'it is of another network ({found[0]}{more})'
