from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from mmseg.models.utils import wrappers
from torch import Tensor, nn

from semiseg_mm.errors import UserError

OUTPUTS = ('label', 'probabilities')
LEAST, MOST = 64, 4096  # pixels of a free side


class ExportedNetwork(nn.Module):
    """What the file computes: from RGB images of 8 bits to classes and probabilities.

    Normalisation, resizing to the image's size and argmax (or softmax) are inside.

    Args:
        network: A segmentor of mmseg, in eval mode.
        mean, std: Of its preprocessor, in the order of the image's channels once they are loaded.
        swaps: Whether its preprocessor turns blue, green, red into red, green, blue. If it does
            not, it was trained on images whose first channel is blue.
    """

    def __init__(self, network: nn.Module, mean: Tensor, std: Tensor, swaps: bool) -> None:
        super().__init__()
        self.network, self.swaps = network, swaps
        self.register_buffer('mean', mean.view(1, -1, 1, 1).float())
        self.register_buffer('std', std.view(1, -1, 1, 1).float())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # B,H,W uint8 and B,C,H,W
        x = image.float()
        if not self.swaps:
            x = x.flip(1)
        x = (x - self.mean) / self.std
        size = tuple(x.shape[2:])
        logits = self.network.encode_decode(x, [dict(img_shape=size, ori_shape=size)])
        return logits.argmax(1).to(torch.uint8), F.softmax(logits, 1)


def write(
    module: ExportedNetwork, path: str, size: tuple[int, int], divisor: int, free: bool
) -> None:
    """Write the ONNX file of a network for images of one size, or of any.

    Raises whatever torch's exporter raises.
    """
    image = torch.zeros(2 if free else 1, 3, *size, dtype=torch.uint8)
    shapes = dict(image=_free_shape(divisor)) if free else None
    with torch.no_grad(), free_sizes(), quiet():
        program = torch.onnx.export(
            module,
            (image,),
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=['image'],
            output_names=list(OUTPUTS),
            verbose=False,
            optimize=True,
        )
        program.save(path)


def _free_shape(divisor: int) -> dict[int, Any]:
    """Batch, height and width; the sides are multiples of the divisor."""
    least, most = -(-LEAST // divisor), MOST // divisor
    height, width = (torch.export.Dim(name, min=least, max=most) for name in ('h', 'w'))
    if divisor > 1:
        height, width = divisor * height, divisor * width
    return {0: torch.export.Dim('batch', min=1, max=1024), 2: height, 3: width}


@contextlib.contextmanager
def free_sizes() -> Iterator[None]:
    """Let mmseg's networks pass on sizes as they are.

    Its ``resize`` makes numbers of them for a warning, and so does ``Upsample`` for its factor. A
    graph would then hold the size of the image that it was made with.
    """
    before = wrappers.resize
    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith('mmseg.') and getattr(module, 'resize', None) is before
    ]
    with contextlib.ExitStack() as stack:
        for module in modules:
            stack.enter_context(patch.object(module, 'resize', _resize))
        stack.enter_context(patch.object(wrappers.Upsample, 'forward', _upsample))
        yield


def _resize(
    input, size=None, scale_factor=None, mode='nearest', align_corners=None, warning=True
) -> Tensor:
    return F.interpolate(input, size, scale_factor, mode, align_corners)


def _upsample(self, x: Tensor) -> Tensor:
    size, factor = self.size, self.scale_factor
    if not size:
        factors = factor if isinstance(factor, tuple) else (factor, factor)
        whole = all(float(one).is_integer() for one in factors)
        size = [side * (int(one) if whole else one) for side, one in zip(x.shape[-2:], factors)]
    return F.interpolate(x, size, None, self.mode, self.align_corners)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep back what the exporter says of its own steps; errors come as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)


def normalisation(preprocessor: nn.Module) -> tuple[Tensor, Tensor, bool]:
    """Return mean, standard deviation, and whether channels are swapped."""
    mean, std = getattr(preprocessor, 'mean', None), getattr(preprocessor, 'std', None)
    if mean is None:
        mean, std = torch.zeros(3), torch.ones(3)
    if mean.numel() not in (1, 3):
        raise UserError(
            f'The network takes images of {mean.numel()} channels; only those of 3 are exported.'
        )
    return mean.cpu(), std.cpu(), bool(getattr(preprocessor, '_channel_conversion', False))
