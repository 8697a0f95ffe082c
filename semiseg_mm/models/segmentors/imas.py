from collections.abc import Sequence

import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.mixing import IN_BATCH, BetaBoxMix, BoxMix
from semiseg_mm.models.pseudo_labels import Threshold, filtered, image_agreement
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_choice, check_count, check_number

from .base import Outputs, SemiSegmentor

VIEWS = ('weak', 'mixed', 'strong')


@MODELS.register_module()
class IMASSegmentor(SemiSegmentor):
    """Let each image say how hard it is (iMAS, Zhao et al., CVPR 2023, arXiv:2211.11335).

    Where student and teacher agree and are sure, an image is easy: its colours are changed more,
    and its loss counts more. The easier a batch is on average, the more often boxes of easy images
    are pasted in hard ones, and the other way round.

    Args:
        segmentor: Config of the network.
        mixer: Config of what draws the boxes; the method itself pairs the images.
        threshold: Only pixels of at least this confidence of the teacher count; and a network is
            as sure of an image as it has such pixels.
        without: Classes that do not count in the agreement: the background.
        weight: Of the unsupervised loss.
        rampup_iters: It rises over so many iterations, as exp(-5 (1 - t)^2); the paper has none.
    """

    def __init__(
        self,
        segmentor: dict,
        mixer: dict = dict(type='BetaBoxMix', side=(0.1, 0.9), margin=1 / 16),
        threshold: float = 0.95,
        without: Sequence[int] = (0,),
        weight: float = 3.0,
        rampup_iters: int = 0,
        unsupervised: dict = dict(type='MaskedCrossEntropy', over='all'),
        joint_forward: bool | Sequence[Sequence[str]] = True,
        **kwargs,
    ) -> None:
        check_number('weight', weight, 'IMASSegmentor')
        check_count('rampup_iters', rampup_iters, 'IMASSegmentor')
        super().__init__(
            networks=dict(student=segmentor, teacher=segmentor),
            teachers=dict(teacher='student'),
            student_views=VIEWS,
            joint_forward=joint_forward,
            **kwargs,
        )
        for number in without:
            check_choice('without', number, range(self.out_channels), 'IMASSegmentor')
        self.mixer = MODELS.build(mixer)
        if not isinstance(self.mixer, (BoxMix, BetaBoxMix)):  # others look at whom they paste
            raise UserError('mixer of IMASSegmentor draws boxes: take BoxMix or BetaBoxMix.')
        check_choice('mixer.partner', self.mixer.partner, IN_BATCH, 'IMASSegmentor')
        self.filter = Threshold(threshold)
        self.pseudo_label = MODELS.build(dict(type='HardPseudoLabel'))
        self.unsupervised = MODELS.build(unsupervised)
        self.without = without
        self.weight = weight
        self.rampup_iters = rampup_iters

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        weak, images = views['weak'], views['weak'].inputs
        logits = [self.teach(name, images).logits for name in self.networks]
        own, target = (self.pseudo_label(one, weak.valid) for one in logits)
        easy = image_agreement(own, target, self.out_channels, self.filter.value, self.without)
        target = target._replace(certainty=easy)
        strong = torch.lerp(images, views['strong'].inputs, easy.view(-1, 1, 1, 1))
        order = easy.argsort()  # the hardest one and the easiest one are partners, and so on
        partner = torch.empty_like(order).scatter_(0, order, order.flip(0))
        mix = self.mixer.draw(images, target)
        often = torch.rand(()).to(images.device, non_blocking=True) < easy.mean()  # for the batch
        mix = mix._replace(mask=mix.mask & often, partner=partner)
        views['strong'] = views['strong']._replace(inputs=strong, target=target)
        views['mixed'] = weak._replace(target=target).mixed(mix)
        return views

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        easy = views['strong'].target.certainty
        targets = {name: filtered(self.filter, views[name].target) for name in ('strong', 'mixed')}
        strong, mixed = (
            self.unsupervised(outputs['student'][name].logits, target.weighted(easy.view(-1, 1, 1)))
            for name, target in targets.items()
        )
        used = views['mixed'].mix.mask.any().float()  # nothing is learned from an unmixed batch
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        return dict(
            loss_strong=ramp * self.weight * (strong + used * mixed) / (1 + used),
            easy=easy.mean(),
            kept=targets['strong'].kept.sum() / views['weak'].valid.sum().clamp(min=1),
        )
