import torch
from torch import Tensor

from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.models.losses import MaskedCrossEntropy
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class ECSSegmentor(SemiSegmentor):
    """Let a second network correct the labels of the first one: a reconstruction.

    The idea is that of ECS (Mendel et al., ECCV 2020). A corrector sees an image with its map of
    classes. On labeled images it learns to say "right", or the right class. The network learns to
    be called right there, and on unlabeled images what the corrector leaves of its predictions.

    Args:
        corrector: Its config; ``PartwiseConstructor`` gives it an optimizer of its own. It maps
            ``in_channels`` to ``out_channels``, the last of which means "right".
        weight: Of the corrected labels, each of which counts as much as the corrector is sure.
        praise_weight: Of being called right on labeled images.
    """

    def __init__(
        self,
        segmentor: dict,
        corrector: dict = dict(type='ConvCorrector'),
        weight: float = 1.0,
        praise_weight: float = 0.1,
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        **kwargs,
    ) -> None:
        check_number('weight', weight, 'ECSSegmentor')
        check_number('praise_weight', praise_weight, 'ECSSegmentor')
        super().__init__(dict(student=segmentor), {}, ('weak',), loss_on_labeled=True, **kwargs)
        classes = self.out_channels
        sizes = dict(in_channels=classes + self.image_channels, out_channels=classes + 1)
        self.add_auxiliary('corrector', corrector, own_optimizer=True, **sizes)
        self.weight, self.praise_weight = weight, praise_weight
        self.unsupervised, self.cross_entropy = MODELS.build(unsupervised), MaskedCrossEntropy()

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        seen, corrector = (views['labeled'], views['weak']), self.auxiliaries['corrector']
        logits = [outputs['student'][view].logits for view in ('labeled', 'weak')]
        known, guess = (
            torch.cat([view.inputs, own.softmax(1)], 1)
            for view, own in zip(seen, logits, strict=True)
        )
        truth = stored_label(seen[0])
        right = torch.full_like(truth.label, self.out_channels)
        is_right = logits[0].max(1).indices == truth.label
        wanted = truth._replace(label=torch.where(is_right, right, truth.label))
        praise = self.cross_entropy(frozen(corrector)(known), truth._replace(label=right))
        corrected = corrected_label(logits[1], frozen(corrector)(guess.detach()), seen[1].valid)
        return dict(
            loss_corrector=self.cross_entropy(corrector(known.detach()), wanted),
            loss_praise=self.praise_weight * praise,
            loss_semi=self.weight * self.unsupervised(logits[1], corrected),
            corrected=((corrected.label != logits[1].max(1).indices) & seen[1].valid).sum()
            / seen[1].valid.sum().clamp(min=1),
        )


def corrected_label(logits: Tensor, correction: Tensor, valid: Tensor) -> PseudoLabel:
    """Return what the corrector's B,K+1,H,W leave of a prediction B,K,H,W, and how sure it is."""
    confidence, label = correction.float().softmax(1).max(1)  # B,H,W
    label = torch.where(label == logits.shape[1], logits.max(1).indices, label)
    return PseudoLabel(label, confidence, valid).weighted(confidence)
