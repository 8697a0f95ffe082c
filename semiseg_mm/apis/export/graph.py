from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
import torch.nn.functional as F
from mmseg.models.utils import wrappers
from torch import Tensor, nn

from semiseg_mm.datasets.transforms.bands import LoadBands
from semiseg_mm.errors import UserError

OUTPUTS = ('label', 'probabilities')
LEAST, MOST = 64, 4096  # pixels of a free side


class Pixels(NamedTuple):
    """What an image of the file holds: its bands, in the order in which image files have them."""

    count: int = 3
    bits: int = 8
    low: Tensor | None = None  # of 16 bits, what becomes 0 and 255 (one number, or one a band),
    high: Tensor | None = None  # in OpenCV's order

    @staticmethod
    def of(bands: LoadBands | None) -> Pixels:
        """Return what a network takes that was trained with these ``bands``."""
        if bands is None:
            return Pixels()
        if bands.bits == 8:
            return Pixels(bands.count)
        return Pixels(bands.count, 16, *map(torch.from_numpy, (bands.low, bands.high)))

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8 if self.bits == 8 else torch.uint16

    def __str__(self) -> str:
        names = 'red first' if (self.count, self.bits) == (3, 8) else 'bands as in the image file'
        return f'uint{self.bits}, batch x {self.count} x height x width, {names}'


class Normalisation(NamedTuple):
    """What a preprocessor does to an image once it is loaded.

    If it does not swap blue, green, red to red, green, blue, the network was trained on images
    whose first channel is blue.
    """

    mean: Tensor
    std: Tensor
    swaps: bool


class ExportedNetwork(nn.Module):
    """What the file computes: from the pixels of an image to classes and probabilities.

    Normalisation, resizing to the image's size and argmax (or softmax) are inside.

    Args:
        network: A segmentor of mmseg, in eval mode.
        normalisation: What its preprocessor does.
        pixels: What an image holds.
    """

    def __init__(
        self, network: nn.Module, normalisation: Normalisation, pixels: Pixels | None = None
    ) -> None:
        super().__init__()
        pixels = pixels or Pixels()
        self.network, self.pixels = network, pixels
        loaded = [2, 1, 0, 3][: pixels.count] if pixels.count > 1 else [0]  # OpenCV's order
        self.loaded, self.seen = loaded, loaded[::-1] if normalisation.swaps else loaded
        self.register_buffer('mean', normalisation.mean.view(1, -1, 1, 1).float())
        self.register_buffer('std', normalisation.std.view(1, -1, 1, 1).float())
        if pixels.low is not None:
            low, high = (self._in_order_of_file(x) for x in (pixels.low, pixels.high))
            self.register_buffer('low', low)
            self.register_buffer('stretch', 255 / (high - low))

    def _in_order_of_file(self, values: Tensor) -> Tensor:
        return (values if values.numel() == 1 else values[self.loaded]).view(1, -1, 1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # B,H,W uint8 and B,C,H,W
        x = image.float()
        if self.pixels.low is not None:  # as LoadBands does
            x = ((x - self.low) * self.stretch).clamp(0, 255).round()
        if self.seen != sorted(self.seen):
            x = x[:, self.seen]
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
    pixels = module.pixels
    image = torch.zeros(2 if free else 1, pixels.count, *size, dtype=pixels.dtype)
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


def normalisation(preprocessor: nn.Module, channels: int = 3) -> Normalisation:
    """Return what a preprocessor does to images of so many channels."""
    mean, std = getattr(preprocessor, 'mean', None), getattr(preprocessor, 'std', None)
    if mean is None:
        mean, std = torch.zeros(1), torch.ones(1)
    if mean.numel() not in (1, channels):
        raise UserError(
            f'The network normalises images of {mean.numel()} channels, and its images have '
            f'{channels}: such a network is not exported. semiseg_mm publish writes it.'
        )
    swaps = bool(getattr(preprocessor, '_channel_conversion', False))
    return Normalisation(mean.cpu(), std.cpu(), swaps)
