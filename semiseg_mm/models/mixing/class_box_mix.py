import cv2
import numpy as np
import torch
from torch import Tensor

from semiseg_mm.models.class_confidence import ByClassConfidence
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_choice, check_share

from .box_mix import BoxMix
from .partners import draw_partners, labels_to_cut, unpadded


@MODELS.register_module()
class ClassBoxMix(ByClassConfidence):
    """Paste the bounding box of an object whose class is known badly (AEL's adaptive CutMix).

    For each image a class is drawn, those that are known least most often (softmax of 1 -
    confidence); then a partner that shows it, if there is one; then one of its objects there.
    Where none is large enough, a box of half of the image is pasted.

    Args:
        area: An object must fill more than this share of the image.
        present: An image shows a class that fills at least this share of it.
        partner: 'random': another unlabeled image of the batch. 'labeled': a labeled one, whose
            objects are those of the ground truth.
    """

    def __init__(self, area: float = 0.005, present: float = 0.01, partner: str = 'random') -> None:
        super().__init__()
        check_share('area', area, 'ClassBoxMix')
        check_share('present', present, 'ClassBoxMix')
        check_choice('partner', partner, ('random', 'labeled'), 'ClassBoxMix')
        self.area = area
        self.present = present
        self.partner = partner
        self.half_box = BoxMix(area=(0.5, 0.5))

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W on the CPU; the host waits for the labels here, once."""
        known = labels_to_cut(target, labeled, 'ClassBoxMix')
        draw_partners(images, self.partner, labeled)  # refuses what does not fit
        chances = torch.tensor(self.unknown.softmax(0).tolist())  # waits: drawn on the host
        hard = known.hard.masked_fill(~known.valid, -1).cpu().numpy()  # N,H,W; waits: for objects
        shares = [(hard == c).mean((1, 2)) for c in range(len(chances))]
        mask, partner = torch.zeros(len(images), *hard.shape[1:], dtype=torch.bool), []
        for number, own in enumerate(mask):
            cls = int(torch.multinomial(chances, 1))
            others = [k for k in range(len(hard)) if labeled is not None or k != number]
            able = [k for k in others if shares[cls][k] >= self.present] or others
            partner.append(able[int(torch.randint(len(able), ()))])
            self._flip_object(own, hard[partner[-1]] == cls)
        mask = mask.to(images.device, non_blocking=True)
        partner = torch.tensor(partner).to(images.device, non_blocking=True)
        return unpadded(mask, partner, labeled)

    def _flip_object(self, mask: Tensor, shown: np.ndarray) -> None:
        """Set the mask H,W within the box of an object, of the class that is shown there H,W."""
        _, _, boxes, _ = cv2.connectedComponentsWithStats(shown.astype(np.uint8))
        large = boxes[1:][boxes[1:, cv2.CC_STAT_AREA] > self.area * mask.numel()]
        if not len(large):
            self.half_box.flip_box(mask)
            return
        left, top, width, height, _ = large[int(torch.randint(len(large), ()))].tolist()
        mask[top : top + height, left : left + width] = True
