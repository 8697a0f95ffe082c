"""Which pixels of the pseudo labels to keep: thresholds per class from confidence histograms.

A threshold is ``{'bin': b, 'share': s}``: kept is what is more confident than bin ``b`` (0 … 255),
and of the pixels in it the share ``s``. Thresholds stand in a dictionary by class number as text,
ready for JSON; ``IgnoreUncertain(thresholds=file)`` applies them.
"""

import numpy as np

from semiseg_mm.errors import UserError

Thresholds = dict[str, dict[str, float]]


def per_class(histogram: np.ndarray, share: float) -> Thresholds:
    """Keep the share ``share`` of each class's pixels, the most confident ones.

    ``histogram`` counts pixels by predicted class and confidence # C,256
    """
    _check(share)
    return _cut(histogram, histogram.sum(1) * share)


def like_labeled(histogram: np.ndarray, share: float, labeled: np.ndarray) -> Thresholds:
    """Keep the share ``share`` of all pixels, with the classes as frequent as in ``labeled`` (C).

    That is DARS (ICCV 2021). Of a class with fewer pixels than its part all are kept, and, as in
    DARS's code, the others do not make up for it: less than the share is kept then. A departure:
    where the threshold falls among equal confidences, only those are thinned out, not all that the
    class keeps.
    """
    _check(share)
    if not labeled.sum():
        raise UserError('The labeled images have no labels, so the quota has no class histogram.')
    wanted = share * histogram.sum() * (labeled / labeled.sum())
    return _cut(histogram, np.minimum(wanted, histogram.sum(1)))


def kept_pixels(histogram: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """How many pixels of each class the thresholds keep, on average # C"""
    kept = np.zeros(len(histogram))
    for k, counts in enumerate(histogram):
        one = thresholds[str(k)]
        kept[k] = counts[one['bin'] + 1 :].sum() + one['share'] * counts[one['bin']]
    return kept


def _cut(histogram: np.ndarray, wanted: np.ndarray) -> Thresholds:
    """The thresholds that leave ``wanted[k]`` pixels of class k."""
    thresholds = {}
    for k, (counts, target) in enumerate(zip(histogram, wanted, strict=True)):
        at_least = np.cumsum(counts[::-1])[::-1]  # pixels in this bin and above  # 256
        enough = np.flatnonzero(at_least >= target - 1e-6)
        lowest = int(enough[-1]) if len(enough) and target > 0 else 255
        in_bin = int(counts[lowest])
        above = int(at_least[lowest]) - in_bin
        share = min(1.0, max(0.0, (float(target) - above) / in_bin)) if in_bin else 0.0
        thresholds[str(k)] = dict(bin=lowest, share=round(share, 6))
    return thresholds


def _check(share: float) -> None:
    if not 0 < share <= 1:
        raise UserError(f'The quota {share} is no share of the pixels: give more than 0, up to 1.')
