from torch import Tensor

from semiseg_mm.structures import PseudoLabel

NORMALISERS = ('valid', 'all', 'kept')


def average(pixels: Tensor, target: PseudoLabel, over: str = 'valid') -> Tensor:
    """Return the mean of a loss map B,H,W, weighted as the target says; of nothing it is 0.

    Args:
        over: What it is divided by: the valid pixels, all pixels with the padding, or those that
            a filter has kept.
    """
    weight = target.kept.to(pixels.dtype)
    if over == 'all':
        return (pixels * weight).mean()
    count = target.valid.sum() if over == 'valid' else (weight > 0).sum()
    return (pixels * weight).sum() / count.clamp(min=1)
