import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.structures import PseudoLabel, View


def stored_label(view: View, soft_classes: int | None = None, ignore: int = 255) -> PseudoLabel:
    """Return the labels that came with the images: ground truth, or those of an earlier stage.

    Where a label was stored with its confidence, it keeps it; all others are certain.

    Args:
        soft_classes: Return probabilities of so many classes: the label's is its confidence, the
            rest is spread evenly over the others.
    """
    stored = torch.cat([s.gt_sem_seg.data for s in view.data_samples])  # B,H,W
    valid = view.valid & (stored != ignore)
    label = stored.masked_fill(~valid, 0).long()
    confidence = _stored_confidence(view)
    if soft_classes is None:
        certain = torch.ones_like(label, dtype=torch.float32)
        return PseudoLabel(label, certain if confidence is None else confidence, valid)
    if confidence is None:
        raise UserError(
            "soft=True needs the labels' stored confidences: confidence=True in the training stage "
            "and in the label stage (in a pipeline of your own: dict(type='LoadConfidence'))."
        )
    rest = (1 - confidence) / max(1, soft_classes - 1)
    soft = rest.unsqueeze(1).repeat(1, soft_classes, 1, 1)
    soft.scatter_(1, label.unsqueeze(1), confidence.unsqueeze(1))
    return PseudoLabel(soft, confidence, valid)


def _stored_confidence(view: View) -> Tensor | None:
    if any('confidence' not in sample for sample in view.data_samples):
        return None
    return torch.cat([s.confidence.data for s in view.data_samples]).float() / 255
