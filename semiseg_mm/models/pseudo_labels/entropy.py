import math

import torch
from torch import Tensor


def entropy_of(logits: Tensor) -> Tensor:
    """Return the entropy B,H,W of the probabilities."""
    logs = logits.float().log_softmax(1)
    return -(logs.exp() * logs).sum(1)


def quantile(values: Tensor, share: float) -> Tensor:
    """Return the value that ``share`` of them do not exceed; of none, infinity."""
    if not len(values):
        return values.new_tensor(math.inf)
    place = min(len(values), max(1, math.ceil(share * len(values))))
    if torch.are_deterministic_algorithms_enabled():  # the same value, which kthvalue refuses then
        return values.sort().values[place - 1]
    return values.kthvalue(place).values
