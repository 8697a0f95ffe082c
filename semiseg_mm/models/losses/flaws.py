"""What a detector of flaws learns, and what its output means (GCT, Ke et al., ECCV 2020)."""

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def flaw_target(
    guess: Tensor, truth: Tensor, valid: Tensor, share: float = 0.5, dilations: int = 1
) -> Tensor:
    """Return where a prediction is wrong, B,H,W from 0 to 1, spread over its surroundings.

    Args:
        guess, truth: Probabilities B,C,H,W; a pixel without label has no class at all.
        valid: Pixels of the image, without the padding.
        share: Of the distance of the two, summed over the classes.
        dilations: How often the flaws are widened and blurred.
    """
    flaws = blurred(share * (truth - guess).abs().sum(1) * valid, 8)
    for _ in range(dilations):
        flaws = blurred(F.max_pool2d(flaws, 3, stride=1, padding=1), 4)
    return stretched(flaws)


@torch.no_grad()
def marked_flaws(found: Tensor, least: float = 0.1) -> Tensor:
    """Return what a detector found, B,H,W, as 0 to 1 within each image.

    Args:
        least: An image in which nothing exceeds it has no flaw.
    """
    flaws = blurred(found.float().clamp(min=0), 16)
    return stretched(flaws) * (flaws.amax((1, 2), keepdim=True) > least)


def blurred(maps: Tensor, part: int) -> Tensor:
    """Blur B,H,W with a Gaussian, cut off at a kernel of that part of the shorter side."""
    size = min(maps.shape[1:]) // part // 2 * 2 + 1  # odd
    sigma, half = 0.3 * ((size - 1) / 2 - 1) + 0.8, size // 2
    kernel = (
        torch.arange(-half, half + 1, device=maps.device).div(sigma).square().div(-2).softmax(0)
    )
    maps = F.pad(maps.unsqueeze(1), [half] * 4, mode='reflect')
    with torch.autocast(maps.device.type, enabled=False):
        maps = F.conv2d(maps.float(), kernel.view(1, 1, 1, -1))
        return F.conv2d(maps, kernel.view(1, 1, -1, 1))[:, 0]


def stretched(maps: Tensor) -> Tensor:
    """Shift and scale each of B,H,W to the range 0 to 1; a constant one becomes 0."""
    low, high = (f((1, 2), keepdim=True) for f in (maps.amin, maps.amax))
    return (maps - low) / (high - low + 1e-9)
