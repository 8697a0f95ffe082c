import torch
from torch import Tensor


def confusion(
    truth: Tensor, label: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """Return B,C+1,C+1: for each row of pixels B,N how often a truth and a label meet.

    A table has the truth by row and the label by column; the last of each stands for numbers that
    are no class. Pixels whose truth is ``ignore_index`` are left out. Only integers are added, so
    the order does not matter: it is exact on a GPU as well, and torch's deterministic mode takes
    ``bincount`` without weights.
    """
    side, truth = num_classes + 1, truth.int()  # 255 of 8 bits would equal -1
    cells = _classes(truth, num_classes).mul_(side).add_(_classes(label, num_classes))  # B,N
    cells += torch.arange(len(cells), device=cells.device, dtype=cells.dtype)[:, None] * side**2
    size = len(cells) * side**2
    if ignore_index is not None:
        cells.masked_fill_(truth == ignore_index, size)
    return torch.bincount(cells.flatten(), minlength=size + 1)[:size].view(-1, side, side)


def _classes(numbers: Tensor, num_classes: int) -> Tensor:
    numbers = numbers.int()
    return numbers.masked_fill((numbers < 0) | (numbers >= num_classes), num_classes)


def areas(table: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return for each class ...,C of such a table: both, either, labels, truths; in pixels."""
    both = table.diagonal(dim1=-2, dim2=-1)[..., :-1]
    labels, truths = table.sum(-2)[..., :-1], table.sum(-1)[..., :-1]
    return both, labels + truths - both, labels, truths
