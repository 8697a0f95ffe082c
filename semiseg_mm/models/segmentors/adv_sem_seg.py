from torch import Tensor

from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.models.losses import discrimination, judged_as
from semiseg_mm.models.pseudo_labels import filtered, stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number, check_share

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class AdvSemSegSegmentor(SemiSegmentor):
    """Learn from a discriminator (Hung et al., BMVC 2018, arXiv:1802.07934).

    A discriminator tells predictions from ground truth, pixel by pixel. The network learns to be
    taken for ground truth, and learns its own predictions where it is.

    Args:
        discriminator: Its config; ``PartwiseConstructor`` gives it an optimizer of its own.
        weights: Of being taken for ground truth on labeled, on unlabeled images; of own labels.
        semi_begin: The share of the training after which it learns its own labels.
        filter: Which of them count; their confidence is the discriminator's.
    """

    def __init__(
        self,
        segmentor: dict,
        discriminator: dict = dict(type='ConvDiscriminator'),
        weights: tuple[float, float, float] = (0.01, 0.001, 0.1),
        semi_begin: float = 0.25,
        filter: dict | None = dict(type='Threshold', value=0.2),
        unsupervised: dict = dict(type='MaskedCrossEntropy', over='kept'),
        **kwargs,
    ) -> None:
        for weight in weights:
            check_number('weights', weight, 'AdvSemSegSegmentor')
        super().__init__(dict(student=segmentor), {}, ('weak',), loss_on_labeled=True, **kwargs)
        inputs = dict(in_channels=self.out_channels)
        self.add_auxiliary('discriminator', discriminator, own_optimizer=True, **inputs)
        self.weights, self.semi_begin = weights, semi_begin
        slots = (filter, unsupervised)
        self.filter, self.unsupervised = (MODELS.build(x) if x else None for x in slots)
        check_share('semi_begin', semi_begin, 'AdvSemSegSegmentor')

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        own, judge, losses, passed = outputs['student'], self.auxiliaries['discriminator'], {}, 1
        known, guess = (own[view].logits.softmax(1) for view in ('labeled', 'weak'))
        truth, valid = stored_label(views['labeled']), views['weak'].valid
        score = frozen(judge)(guess)
        if self.progress >= self.semi_begin:
            label = PseudoLabel(guess.max(1).indices, score.detach().sigmoid(), valid)
            label = filtered(self.filter, label, self.progress)
            passed = (label.kept > 0).any()  # if no pixel does, its adversarial term is left out
            losses['loss_semi'] = self.weights[2] * self.unsupervised(own['weak'].logits, label)
            losses['kept'] = label.kept.sum() / valid.sum().clamp(min=1)
        fooled = judged_as(True, frozen(judge)(known), truth.valid)
        losses['loss_labeled_adv'] = self.weights[0] * fooled
        losses['loss_unlabeled_adv'] = self.weights[1] * passed * judged_as(True, score, valid)
        losses['loss_discriminator'] = discrimination(judge, known, guess, truth, valid)
        return losses
