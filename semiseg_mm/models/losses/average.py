from torch import Tensor

from semiseg_mm.structures import PseudoLabel

NORMALISERS = ('valid', 'all', 'kept', 'nonzero')


def average(pixels: Tensor, target: PseudoLabel, over: str = 'valid') -> Tensor:
    """Return the mean of a loss map B,H,W, weighted as the target says; of nothing it is 0.

    Args:
        over: What it is divided by: the valid pixels, all pixels with the padding, those that a
            filter has kept, or the valid ones whose loss is not 0.
    """
    weight = target.kept.to(pixels.dtype)
    if over == 'all':
        return (pixels * weight).mean()
    counted = target.valid if over == 'valid' else weight > 0
    if over == 'nonzero':
        counted = target.valid & (pixels > 0)
    return (pixels * weight).sum() / counted.sum().clamp(min=1)
