"""How much a method gains over SupOnly, and how sure that is."""

from collections.abc import Mapping
from typing import NamedTuple

from semiseg_mm.utils.spread import mean_std

EQUAL = 1e-9  # the spread of equal differences, up to rounding


class Gain(NamedTuple):
    """The mean difference to SupOnly over the seeds that both have.

    Args:
        p: Of the paired t-test, two-sided; None for one pair, or where all differences are equal.
    """

    mean: float
    std: float | None
    pairs: int
    p: float | None


def paired_gain(own: Mapping[int, float], base: Mapping[int, float]) -> Gain | None:
    """Compare scores seed by seed; None if no seed is in both."""
    seeds = sorted(own.keys() & base.keys())
    mean, std = mean_std([own[seed] - base[seed] for seed in seeds])
    if mean is None:
        return None
    p = None
    if std is not None and std > EQUAL:
        from scipy.stats import ttest_rel  # here, as it takes half a second

        p = float(ttest_rel(*([one[seed] for seed in seeds] for one in (own, base))).pvalue)
    return Gain(mean, std, len(seeds), p)
