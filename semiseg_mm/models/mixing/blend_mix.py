import torch
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel
from semiseg_mm.utils import check_choice, check_number

from .partners import IN_BATCH, draw_partners


@MODELS.register_module()
class BlendMix(nn.Module):
    """Blend each image with another one (mixup, as ICT of French et al. uses it).

    Its labels are blended alike, so they are probabilities.

    Args:
        alpha: The partner's share is drawn from Beta(alpha, alpha), for each image. A small alpha
            leaves most pairs nearly unmixed.
        partner: Who it is, see ``draw_partners``. It is no labeled image: a pixel without a label
            leaves nothing to blend with.
    """

    def __init__(self, alpha: float = 0.1, partner: str = 'next') -> None:
        super().__init__()
        check_number('alpha', alpha, 'BlendMix', above=True)
        check_choice('partner', partner, IN_BATCH, 'BlendMix')
        self.alpha = alpha
        self.partner = partner

    def draw(self, images: Tensor, target: PseudoLabel | None = None) -> MixMask:
        """Draw the shares for B,C,H,W. On the CPU generator, so devices agree."""
        partner = draw_partners(images, self.partner)
        share = torch.distributions.Beta(self.alpha, self.alpha).sample((len(images), 1, 1))
        return MixMask(share.to(images.device, non_blocking=True), partner)
