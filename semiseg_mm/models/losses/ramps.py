import math


def sigmoid_rampup(step: float, length: float) -> float:
    """exp(-5 (1 - t)^2) for t = step / length up to 1, then 1 (Laine and Aila 2017)."""
    if length <= 0:
        return 1.0
    t = min(max(step / length, 0.0), 1.0)
    return math.exp(-5.0 * (1.0 - t) ** 2)
