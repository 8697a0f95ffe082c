"""Means, their spread, and both in words."""

import statistics
from collections.abc import Sequence

NO_VALUE = '-'


def mean_std(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Return mean and standard deviation of a sample (n - 1 in the divisor).

    A single value has no spread, and no values have no mean.
    """
    if not values:
        return None, None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def spread(mean: float | None, std: float | None = None, sign: str = '') -> str:
    """Return a number with its spread in words."""
    if mean is None:
        return NO_VALUE
    return f'{mean:{sign}.2f}' + ('' if std is None else f' ± {std:.2f}')
