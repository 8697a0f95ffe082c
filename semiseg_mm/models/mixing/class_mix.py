import torch
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MOST_CLASSES, MixMask, PseudoLabel, View
from semiseg_mm.utils import check_choice, check_share

from .partners import PARTNERS, draw_partners, labels_to_cut

ROUNDINGS = dict(floor=torch.floor, ceil=torch.ceil)


@MODELS.register_module()
class ClassMix(nn.Module):
    """Paste objects of another image, cut out along its labels (Olsson et al., WACV 2021).

    Args:
        share: Share of the partner's classes that is pasted.
        rounding: 'floor' rounds their number down, as the paper's code does: of a partner with one
            class nothing is pasted. 'ceil' rounds it up, as DACS does.
        partner: Whose objects, see ``draw_partners``. 'labeled' cuts along ground truth (DACS).
    """

    def __init__(self, share: float = 0.5, rounding: str = 'floor', partner: str = 'next') -> None:
        super().__init__()
        check_choice('rounding', rounding, ROUNDINGS, 'ClassMix')
        check_choice('partner', partner, PARTNERS, 'ClassMix')
        check_share('share', share, 'ClassMix')
        self.share = share
        self.rounding = rounding
        self.partner = partner

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W; places that are not valid in the partner are not pasted."""
        known = labels_to_cut(target, labeled, 'ClassMix')
        partner = draw_partners(images, self.partner, labeled)
        hard, valid = known.hard[partner], known.valid[partner]
        chosen = self._choose(_present(hard, valid))
        mask = chosen.gather(1, hard.flatten(1)).view_as(hard) & valid
        return MixMask(mask, partner, labeled is not None)

    def _choose(self, present: Tensor) -> Tensor:
        """Return some of the classes B,MOST_CLASSES that are present.

        All draw a number on the CPU generator, and the largest win: the host need not know how many
        there are.
        """
        drawn = torch.rand(present.shape).to(present.device, non_blocking=True)
        rank = drawn.where(present, drawn - 1).argsort(1, descending=True).argsort(1)
        return rank < ROUNDINGS[self.rounding](present.sum(1, keepdim=True) * self.share)


def _present(label: Tensor, valid: Tensor) -> Tensor:
    """Return which classes B,MOST_CLASSES the labels B,H,W have."""
    found = torch.zeros(len(label), MOST_CLASSES, dtype=torch.bool, device=label.device)
    found.scatter_(1, label.where(valid, MOST_CLASSES - 1).flatten(1), True)
    found[:, MOST_CLASSES - 1] = False  # what stood for places that are not valid
    return found
