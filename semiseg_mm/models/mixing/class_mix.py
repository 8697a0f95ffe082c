import math

import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_choice

from .partners import PARTNERS, draw_partners

ROUNDINGS = dict(floor=math.floor, ceil=math.ceil)


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
        self.share = share
        self.rounding = rounding
        self.partner = partner

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W; places that are not valid in the partner are not pasted."""
        known = target if labeled is None else labeled.target
        if known is None:
            raise UserError(
                'ClassMix cuts along pseudo labels, and this method makes them after mixing: use '
                "mixer=dict(type='BoxMix') with it, or partner='labeled'."
            )
        partner = draw_partners(images, self.partner, labeled)
        masks = [self._classes_of(known.hard[k], known.valid[k]) for k in partner.tolist()]
        return MixMask(torch.stack(masks), partner, labeled is not None)

    def _classes_of(self, label: Tensor, valid: Tensor) -> Tensor:
        present = label[valid].unique()
        count = ROUNDINGS[self.rounding](len(present) * self.share)
        chosen = present[torch.randperm(len(present))[:count].to(present.device)]
        return torch.isin(label, chosen) & valid
