import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View

from .base import Logits, SemiSegmentor


@MODELS.register_module()
class SelfTrainingSegmentor(SemiSegmentor):
    """The student of self-training (Zhu et al. 2020, arXiv:2004.14960).

    Human labels and stored pseudo labels, one cross entropy each. The pseudo labels come with the
    view 'pseudo'; a ``LabelStage`` makes them.

    Args:
        segmentor: Config of the network; it need not be the teacher's.
        weight: Of the pseudo-labeled part.
        soft: The label keeps its stored confidence as its probability, the rest is spread evenly
            over the other classes. (The whole distribution is not stored.)
        joint_forward: One forward, so one set of BatchNorm statistics, for both parts.
    """

    def __init__(
        self,
        segmentor: dict,
        weight: float = 1.0,
        soft: bool = False,
        joint_forward: bool = True,
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        **kwargs,
    ) -> None:
        super().__init__(
            networks=dict(student=segmentor),
            student_views=('pseudo',),
            joint_forward=joint_forward,
            **kwargs,
        )
        self.weight = weight
        self.soft = soft
        self.unsupervised = MODELS.build(unsupervised)

    def unsupervised_loss(self, views: dict[str, View], logits: Logits) -> dict[str, Tensor]:
        target = stored_label(views['pseudo'], self.num_classes if self.soft else None)
        loss = self.unsupervised(logits['student']['pseudo'], target)
        share = target.valid.sum() / views['pseudo'].valid.sum().clamp(min=1)
        return dict(loss_pseudo=self.weight * loss, pseudo_share=share)


def stored_label(view: View, soft_classes: int | None = None, ignore: int = 255) -> PseudoLabel:
    """The labels that came with the images, as PseudoLabel; soft ones for ``soft_classes``."""
    stored = torch.cat([s.gt_sem_seg.data for s in view.data_samples])  # B,H,W
    valid = view.valid & (stored != ignore)
    label = stored.masked_fill(~valid, 0).long()
    if soft_classes is None:
        return PseudoLabel(label, torch.ones_like(label, dtype=torch.float32), valid)
    if any('confidence' not in sample for sample in view.data_samples):
        raise UserError(
            "soft=True needs the labels' stored confidences: confidence=True in the training stage "
            "and in the label stage (in a pipeline of your own: dict(type='LoadConfidence'))."
        )
    confidence = torch.cat([s.confidence.data for s in view.data_samples]).float() / 255
    rest = (1 - confidence) / max(1, soft_classes - 1)
    soft = rest.unsqueeze(1).repeat(1, soft_classes, 1, 1)
    soft.scatter_(1, label.unsqueeze(1), confidence.unsqueeze(1))
    return PseudoLabel(soft, confidence, valid)
