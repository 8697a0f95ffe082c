"""NaN and infinity in losses and weights."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from semiseg_mm.errors import UserError
from semiseg_mm.utils import unwrapped


def not_finite(tensors: Mapping[str, Any]) -> list[str]:
    """Return the names of tensors that hold NaN or infinity; wait for the device once."""
    named = {
        name: value.detach()
        for name, value in tensors.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    if not named:
        return []
    flags = torch.stack([value.isfinite().all() for value in named.values()])
    return [name for name, fine in zip(named, flags.tolist(), strict=True) if not fine]


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and running statistics; other buffers, as masks, may hold infinity."""
    model = unwrapped(model)
    found = dict(model.named_parameters())
    for prefix, module in model.named_modules():
        if isinstance(module, _NormBase):
            found.update(module.named_buffers(prefix, recurse=False))
    return found


def fault_in(weights: Mapping[str, Any]) -> str | None:
    """Say what is wrong with weights, if anything: '3 of 81 weights are NaN or infinite (…)'."""
    bad = not_finite(weights)
    if not bad:
        return None
    return f'{len(bad)} of {len(weights)} weights are NaN or infinite (the first: {bad[0]})'


def check_weights(model: nn.Module, file: str) -> None:
    """Refuse to write a network that predicts nothing."""
    fault = fault_in(weights_of(model))
    if fault:
        raise UserError(
            f'{file} was not written: {fault}. The training diverged: start it anew with a lower '
            'optim_wrapper.optimizer.lr, or with optim_wrapper.clip_grad.'
        )


def numbers(tensors: Iterable[Tensor]) -> list[float]:
    """Fetch tensors of one number; wait for the device once for each dtype."""
    tensors = list(tensors)
    found: list[float] = [math.nan] * len(tensors)
    for dtype in {tensor.dtype for tensor in tensors}:
        places = [k for k, tensor in enumerate(tensors) if tensor.dtype == dtype]
        fetched = torch.stack([tensors[k].reshape(()) for k in places]).tolist()
        for place, value in zip(places, fetched, strict=True):
            found[place] = value
    return found
