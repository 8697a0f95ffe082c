import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.models.losses import average
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number

from .base import Outputs, SemiSegmentor
from .forward import statistics_kept
from .network import logits_of


@MODELS.register_module()
class SoulyGANSegmentor(SemiSegmentor):
    """Tell real images from generated ones, pixel by pixel: a reconstruction.

    The idea is that of Souly et al., ICCV 2017 (arXiv:1703.09695): the segmentor is the
    discriminator, with one class more, "fake". Its losses are those of Salimans et al. (2016),
    carried over to pixels. The fake class has the fixed logit 0, so the network keeps its classes.

    Args:
        generator: Config of what draws images from as many random numbers as its ``noise``;
            ``PartwiseConstructor`` gives it an optimizer of its own.
        weight: Of telling real pixels from fake ones, beside the classes of labeled pixels.
    """

    def __init__(
        self,
        segmentor: dict,
        generator: dict = dict(type='ImageGenerator'),
        weight: float = 1.0,
        **kwargs,
    ) -> None:
        check_number('weight', weight, 'SoulyGANSegmentor')
        super().__init__(dict(student=segmentor), {}, ('weak',), **kwargs)
        inputs = dict(out_channels=self.image_channels)
        self.add_auxiliary('generator', generator, own_optimizer=True, **inputs)
        self.weight = weight

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        weak, student = views['weak'], self.networks['student']
        guess, generator = outputs['student']['weak'].logits, self.auxiliaries['generator']
        noise = torch.randn(len(guess), generator.noise).to(guess.device, non_blocking=True)
        images = like(generator(noise), weak.inputs)
        with statistics_kept(student):  # in tests they are those of real images
            caught = self.look('student', images.detach()).coarse
            fooled = logits_of(student, images, constant=True)
        real = average(F.softplus(-evidence(guess)), PseudoLabel(guess, guess, weak.valid))
        present = weak.valid.any()  # of a batch without a pixel nothing is learned
        return dict(
            loss_real=self.weight * real,
            loss_fake=self.weight * present * F.softplus(evidence(caught)).mean(),
            loss_generator=present * F.softplus(-evidence(fooled)).mean(),
            fake=evidence(fooled.detach()).neg().sigmoid().mean(),
        )


def evidence(logits: Tensor) -> Tensor:
    """Return the logit B,H,W of being real: the classes B,C,H,W against a fake one of logit 0."""
    return logits.float().logsumexp(1)


def like(drawn: Tensor, real: Tensor) -> Tensor:
    """Return images from -1 to 1 in the size of real ones, and in the range of their channels."""
    low, high = (f((0, 2, 3), keepdim=True) for f in (real.amin, real.amax))
    drawn = F.interpolate(drawn.float(), real.shape[2:], mode='bilinear', align_corners=False)
    return low + (drawn + 1) / 2 * (high - low)
