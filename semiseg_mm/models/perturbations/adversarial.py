from collections.abc import Callable

import torch
from torch import Tensor


def worst_direction(distance: Callable[[Tensor], Tensor], x: Tensor, step: float) -> Tensor:
    """Return for each sample of ``x`` the direction, of length 1, that changes a distance most.

    It is one power iteration of virtual adversarial training: the gradient of the distance at a
    random place near to ``x``. All is computed in float32: half precision does not see the step.

    Args:
        distance: Takes what ``x`` becomes, and returns a number; it may pass through any network.
        step: How far the place is from ``x``, as root mean square over the values of a sample.
    """
    near = step * x[0].numel() ** 0.5 * unit(torch.randn_like(x, dtype=torch.float32))
    with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
        near.requires_grad_()
        (slope,) = torch.autograd.grad(distance(x.detach().float() + near), near)
    return unit(slope)


def unit(x: Tensor) -> Tensor:
    """Return each sample B,… divided by its length; what has none stays 0."""
    return x / lengths(x).clamp(min=torch.finfo(x.dtype).tiny)


def lengths(x: Tensor) -> Tensor:
    """Return the length of each sample B,…, in the shape B,1,1,1."""
    return x.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1))


def image_slope(images: Tensor) -> Tensor:
    """Return how steep each image B,C,H,W is, as one length B,1,1,1 over all its pixels.

    Neighbours of neighbours are compared: half of their difference is the slope between them.
    """
    down = (images[:, :, 2:] - images[:, :, :-2]).flatten(1)
    right = (images[..., 2:] - images[..., :-2]).flatten(1)
    return lengths(torch.cat([down, right], 1)).view(-1, 1, 1, 1) / 2
