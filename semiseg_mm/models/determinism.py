"""What has a gradient without a deterministic kernel on a GPU, as products of matrices.

Used in deterministic mode alone: the last bits differ from those of torch's own kernels.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def resize_cubic(x: Tensor, factors: Sequence[float]) -> Tensor:
    """Resize B,C,H,W by factors of height and width, as bicubic interpolation does."""

    def along(size: int, factor: float) -> Tensor:
        return F.interpolate(_eye(size, x), scale_factor=(1.0, factor), mode='bicubic')[0, 0]

    return _product(x, [along(*pair) for pair in zip(x.shape[2:], factors, strict=True)])


def pool_average(x: Tensor, size: int | Sequence[int | None]) -> Tensor:
    """Average B,C,H,W to a height and a width, as ``nn.AdaptiveAvgPool2d`` does."""
    sizes = (size, size) if isinstance(size, int) else size
    wanted = [own or given for own, given in zip(sizes, x.shape[2:], strict=True)]
    pairs = zip(x.shape[2:], wanted, strict=True)
    return _product(x, [F.adaptive_avg_pool1d(_eye(a, x)[0], b)[0] for a, b in pairs])


def _eye(size: int, like: Tensor) -> Tensor:
    return torch.eye(size, device=like.device)[None, None]


def _product(x: Tensor, matrices: list[Tensor]) -> Tensor:
    with torch.autocast(x.device.type, enabled=False):
        rows, columns = matrices
        return (rows.T @ x.float() @ columns).to(x.dtype)


def pool_by_products(model: nn.Module) -> None:
    """Let all pools of a model that are more than one mean be computed in this way."""
    for module in model.modules():
        if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size not in (1, (1, 1)):
            module.forward = partial(pool_average, size=module.output_size)
