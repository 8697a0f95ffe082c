from torch import Tensor

from semiseg_mm.utils.confusion import areas, confusion


def mean_ious(labels: Tensor, reference: Tensor, num_classes: int) -> Tensor:
    """Return each image's mean IoU (B,H,W to B) with a reference, over the classes in either."""
    table = confusion(reference.flatten(1), labels.flatten(1), num_classes)
    both, either, *_ = areas(table)  # B,C
    return (both.double() / either.clamp(min=1)).sum(1) / (either > 0).sum(1)
