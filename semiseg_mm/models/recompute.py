"""Activation checkpointing that leaves a training as it is."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recompute(module: nn.Module) -> None:
    """Let a module forget its activations, and compute them again in the backward pass."""
    forward = module.forward

    def forgetting(*args, **kwargs):
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return recomputed(module, forward, *args, **kwargs)

    module.forward = forgetting


def recomputed(module: nn.Module, call: Callable, *args, **kwargs) -> Any:
    """Return what a call of a module returns, without its activations.

    The second time, dropout draws the same numbers, and running statistics stay as they are: they
    would forget the past twice as fast.
    """
    contexts = nullcontext(), _StatisticsKept(module)
    return checkpoint(call, *args, use_reentrant=False, context_fn=lambda: contexts, **kwargs)


class _StatisticsKept:
    """Leave the running statistics of norms as they were."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.before: list[tuple[Tensor, Tensor]] = []

    def __enter__(self) -> None:
        norms = (m for m in self.module.modules() if getattr(m, 'track_running_stats', False))
        buffers = [own for norm in norms if norm.training for own in norm.buffers(recurse=False)]
        self.before = [(own, own.clone()) for own in buffers]

    @torch.no_grad()
    def __exit__(self, *_) -> None:
        for own, before in self.before:
            own.copy_(before)
        self.before = []
