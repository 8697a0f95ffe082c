import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_number, check_range, check_share

GRAY = (0.299, 0.587, 0.114)  # of RGB


@MODELS.register_module()
class BatchColours(nn.Module):
    """Change the colours of a batch on the device, and blur it: after mixing, say.

    It does what ``StrongView`` does to single images: jitter in random order (one order for the
    batch), grayscale, blur. Each image has its own draws. Images that are no RGB get brightness,
    contrast and blur.

    Args:
        brightness, contrast, saturation: Factors are drawn from [1 - x, 1 + x].
        hue: The shift is drawn from [-x, x], in turns of the colour circle.
        jitter_prob, gray_prob, blur_prob: How often each part is applied to an image.
        sigma: Range of the blur's standard deviation, in pixels.
    """

    def __init__(
        self,
        brightness: float = 0.5,
        contrast: float = 0.5,
        saturation: float = 0.5,
        hue: float = 0.25,
        jitter_prob: float = 0.8,
        gray_prob: float = 0.2,
        blur_prob: float = 0.5,
        sigma: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        super().__init__()
        probs = dict(jitter_prob=jitter_prob, gray_prob=gray_prob, blur_prob=blur_prob)
        for name, prob in probs.items():
            check_share(name, prob, 'BatchColours')
        check_range('sigma', sigma, 'BatchColours')
        ranges = dict(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue)
        for name, reach in ranges.items():
            check_number(name, reach, 'BatchColours')
        self.ranges = {name: (max(0.0, 1 - reach), 1 + reach) for name, reach in ranges.items()}
        self.ranges['hue'] = (-hue, hue)
        self.jitter_prob = jitter_prob
        self.gray_prob = gray_prob
        self.blur_prob = blur_prob
        self.sigma = sigma

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Return B,C,H,W with values from 0 to 1, RGB if there are three channels, changed."""
        with torch.autocast(images.device.type, enabled=False):
            names = list(OPERATIONS) if images.shape[1] == 3 else ['brightness', 'contrast']
            found = images
            for place in torch.randperm(len(names)).tolist():
                amount = self._draw(images, *self.ranges[names[place]])
                found = OPERATIONS[names[place]](found, amount)
            found = found.where(self._draw(images) < self.jitter_prob, images)
            if images.shape[1] == 3:
                gray = gray_of(found).expand_as(found)
                found = gray.where(self._draw(images) < self.gray_prob, found)
            blurred = blur(found, self._draw(images, *self.sigma), self.sigma[1])
            return blurred.where(self._draw(images) < self.blur_prob, found)

    def _draw(self, images: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw a number for each image, B,1,1,1. On the CPU generator, so devices agree."""
        drawn = low + (high - low) * torch.rand(len(images), 1, 1, 1)
        return drawn.to(images.device, non_blocking=True)


def gray_of(images: Tensor) -> Tensor:
    """Return the brightness B,1,H,W."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    return sum(share * images[:, k : k + 1] for k, share in enumerate(GRAY))


def blend(images: Tensor, anchor: Tensor | float, factor: Tensor) -> Tensor:
    return (factor * images + (1 - factor) * anchor).clamp(0, 1)


def shift_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the colours of RGB images on the colour circle."""
    red, green, blue = images.split(1, 1)
    value = images.amax(1, keepdim=True)
    chroma = value - images.amin(1, keepdim=True)
    span = chroma.clamp(min=1e-8)
    sixths = ((red - green) / span + 4).where(value > green, (blue - red) / span + 2)
    sixths = ((green - blue) / span).where(value == red, sixths) + 6 * turns  # B,1,H,W
    offsets = torch.arange(5, 0, -2, device=images.device).view(1, 3, 1, 1)
    place = (sixths + offsets).remainder(6)
    return value - chroma * torch.minimum(place, 4 - place).clamp(0, 1)


def blur(images: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Smooth each image with its own sigma B,1,1,1, all of them with kernels of one length."""
    batch, channels, height, width = images.shape
    radius = min(math.ceil(3 * largest), height - 1, width - 1)
    place = torch.arange(-radius, radius + 1, device=images.device)
    kernel = (-0.5 * (place / sigma.view(-1, 1)).square()).softmax(1)  # B,K
    kernel = kernel.repeat_interleave(channels, 0).view(batch * channels, 1, -1, 1)
    planes = images.reshape(1, batch * channels, height, width)
    planes = F.pad(planes, [radius] * 4, mode='reflect')
    for weight in (kernel, kernel.transpose(2, 3)):
        planes = F.conv2d(planes, weight, groups=batch * channels)
    return planes.view_as(images)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = dict(
    brightness=lambda images, factor: blend(images, 0.0, factor),
    contrast=lambda images, factor: blend(
        images, gray_of(images).mean((2, 3), keepdim=True), factor
    ),
    saturation=lambda images, factor: blend(images, gray_of(images), factor),
    hue=shift_hue,
)
