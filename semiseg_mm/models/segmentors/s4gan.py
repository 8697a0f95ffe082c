import torch
from torch import Tensor

from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.models.losses import judged_as, truth_map
from semiseg_mm.models.pseudo_labels import filtered, stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class S4GANSegmentor(SemiSegmentor):
    """Learn from a discriminator of whole images (Mittal et al., TPAMI 2021, arXiv:1908.05724).

    A discriminator sees an image with a map of classes and tells ground truth from predictions.
    The network's maps shall have the discriminator's mean features of ground truth, and it learns
    its own predictions on the images that the discriminator takes for ground truth.

    Args:
        discriminator: Its config; ``PartwiseConstructor`` gives it an optimizer of its own.
        matching_weight: Of the distance of the mean features.
        weight: Of the network's own labels.
        filter: Which of them count; their confidence is the discriminator's, one an image.
    """

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict = dict(type='ImageDiscriminator'),
        matching_weight: float = 0.1,
        weight: float = 1.0,
        filter: dict | None = dict(type='Threshold', value=0.6),
        unsupervised: dict = dict(type='MaskedCrossEntropy', over='kept'),
        **kwargs,
    ) -> None:
        check_number('matching_weight', matching_weight, 'S4GANSegmentor')
        check_number('weight', weight, 'S4GANSegmentor')
        super().__init__(dict(student=segmentor), {}, ('weak',), **kwargs)
        inputs = dict(in_channels=self.out_channels + self.image_channels)
        self.add_auxiliary('discriminator', discriminator, own_optimizer=True, **inputs)
        self.matching_weight, self.weight = matching_weight, weight
        slots = (filter, unsupervised)
        self.filter, self.unsupervised = (MODELS.build(x) if x else None for x in slots)

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        labeled, weak, judge = views['labeled'], views['weak'], self.auxiliaries['discriminator']
        logits, truth = outputs['student']['weak'].logits, stored_label(labeled)
        fake = with_image(logits.softmax(1), weak.inputs)
        real = with_image(truth_map(truth, self.out_channels), labeled.inputs)
        known, seen = (valid.flatten(1).any(1) for valid in (truth.valid, weak.valid))  # B
        score, features = frozen(judge)(fake)
        real_score, real_features = judge(real)
        gap = mean_of(real_features.detach(), known) - mean_of(features, seen)  # D
        matching = gap.abs().mean() * (known.any() & seen.any())
        confidence = score.detach().float().sigmoid().view(-1, 1, 1).expand(weak.valid.shape)
        label = PseudoLabel(logits.max(1).indices, confidence, weak.valid)
        label = filtered(self.filter, label, self.progress)
        caught = judged_as(False, judge(fake.detach())[0], seen)
        return dict(
            loss_matching=self.matching_weight * matching,
            loss_semi=self.weight * self.unsupervised(logits, label),
            loss_discriminator=(caught + judged_as(True, real_score, known)) / 2,
            kept=label.kept.sum() / weak.valid.sum().clamp(min=1),
        )


def with_image(maps: Tensor, images: Tensor) -> Tensor:
    """Return maps of classes and the images, scaled to 0 to 1 over the batch, as one."""
    low, high = images.amin(), images.amax()
    return torch.cat([maps, (images - low) / (high - low).clamp(min=1e-6)], 1)


def mean_of(rows: Tensor, counts: Tensor) -> Tensor:
    """Return the mean D of those rows B,D that count; of none it is 0."""
    return (rows.float() * counts.unsqueeze(1)).sum(0) / counts.sum().clamp(min=1)
