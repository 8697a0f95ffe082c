import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel

from .mix_mask import MixMask, draw_partners


@MODELS.register_module()
class ClassMix(nn.Module):
    """Objects of the next image, cut out along its pseudo labels (Olsson et al., WACV 2021).

    Args:
        share: Share of the partner's predicted classes that is pasted; rounded up to a class.
    """

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = share

    def draw(self, images: Tensor, target: PseudoLabel | None = None) -> MixMask:
        """Draw the masks for B,C,H,W; places that are not valid in the partner are not pasted."""
        if target is None:
            raise UserError(
                'ClassMix cuts along pseudo labels, and this method makes them after mixing: use '
                "mixer=dict(type='BoxMix') with it."
            )
        partner = draw_partners(images)
        labels = target.label if target.label.dim() == 3 else target.label.argmax(1)  # B,H,W
        masks = [self._classes_of(labels[k], target.valid[k]) for k in partner.tolist()]
        return MixMask(torch.stack(masks), partner)

    def _classes_of(self, label: Tensor, valid: Tensor) -> Tensor:
        present = label[valid].unique()
        count = -(-len(present) * self.share // 1)
        chosen = present[torch.randperm(len(present))[: int(count)].to(present.device)]
        return torch.isin(label, chosen) & valid
