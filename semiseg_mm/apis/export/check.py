from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from .graph import OUTPUTS, ExportedNetwork, Pixels

MOST = 1e-3  # of a probability


class Check(NamedTuple):
    """How far onnxruntime's results are from torch's, over all images that were tried."""

    probability: float  # the largest difference
    labels: float  # share of the pixels with another class

    @property
    def passed(self) -> bool:
        return self.probability <= MOST


@torch.no_grad()
def compare(module: ExportedNetwork, path: str, sizes: list[tuple[int, int]]) -> Check:
    """Run the file and the network on an image of each size: smooth ones and noise in turn."""
    import onnxruntime  # an extra: only this command needs it

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    worst, other, pixels = 0.0, 0, 0
    for number, size in enumerate(sizes):
        image = _image(size, number, module.pixels)
        found = session.run(list(OUTPUTS), dict(image=image.numpy()))
        expected = [part.numpy() for part in module(image)]
        worst = max(worst, float(np.abs(found[1] - expected[1]).max()))
        other, pixels = other + int((found[0] != expected[0]).sum()), pixels + found[0].size
    return Check(worst, other / pixels)


def _image(size: tuple[int, int], number: int, pixels: Pixels) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    if number % 2:
        image = torch.rand(1, pixels.count, *size, generator=generator)
    else:  # without hard edges, as photographs are
        coarse = torch.rand(1, pixels.count, 4, 4, generator=generator)
        image = F.interpolate(coarse, size, mode='bicubic', align_corners=False).clamp(0, 1)
    if pixels.low is None:
        return (image * 255).to(torch.uint8)
    low, high = float(pixels.low.min()), float(pixels.high.max())  # where the values differ
    return (low + image * (high - low)).to(torch.int32).to(pixels.dtype)
