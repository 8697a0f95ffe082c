import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class AttentionCam(BaseModule):
    """Find classes in an image by Grad-CAM, and spread them by attention (PseudoSeg).

    The classifier pools the coarsest level of features and has one linear layer, so its Grad-CAM
    has a closed form: the layer's weights, applied to each pixel. (The division by their number
    cancels out.) Attention compares pixels by the two coarsest levels. Neither the Grad-CAM nor
    the attention sends a gradient to the features.

    Args:
        in_channels: Of the levels that attention compares, the coarsest one last.
        num_classes: Of the segmentation.
        background: Whether class 0 is background: no class of the classifier, and found where
            nothing else is.
        channels: Of queries and keys.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        num_classes: int,
        background: bool = True,
        channels: int = 128,
        norm_cfg: dict = dict(type='SyncBN', eps=1e-3),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.background = background
        self.classifier = nn.Linear(in_channels[-1], num_classes - background)
        self.query, self.key = (
            nn.Conv2d(sum(in_channels), channels, 1, bias=False) for _ in range(2)
        )
        self.last = nn.Conv2d(num_classes, num_classes, 1, bias=False)
        self.norm = MODELS.build(dict(norm_cfg, num_features=num_classes))

    def classify(self, levels: Sequence[Tensor]) -> Tensor:
        """Return logits B,K of the classes that may be in the image."""
        return self.classifier(levels[-1].mean((2, 3)))

    def forward(self, levels: Sequence[Tensor], present: Tensor, valid: Tensor) -> Tensor:
        """Return logits B,C,h,w at the size of the coarsest level.

        Args:
            levels: Features, the coarsest ones last.
            present: The classes B,K that are looked for.
            valid: Pixels B,H,W without the padding.
        """
        levels = [level.detach() for level in levels]
        cam = self.cam(levels[-1], present)  # B,K,h,w
        score = cam + self._spread(cam, levels, valid)
        if self.background:
            score = torch.cat([2 - score.amax(1, keepdim=True), score], 1)
        return self.norm(self.last(score))

    @torch.no_grad()
    def cam(self, level: Tensor, present: Tensor) -> Tensor:
        """Return where the classifier sees each class: B,K,h,w, at most 1."""
        weight = self.classifier.weight.to(level.dtype)
        cam = F.conv2d(level, weight[..., None, None]).float().relu()
        cam = cam * present[..., None, None]
        peak = cam.amax((2, 3), keepdim=True)
        return (cam / peak.clamp(min=1e-5)).where(peak > 0, 0)

    def _spread(self, cam: Tensor, levels: Sequence[Tensor], valid: Tensor) -> Tensor:
        size = cam.shape[2:]
        together = torch.cat(
            [F.interpolate(x, size, mode='bilinear', align_corners=True) for x in levels], 1
        )
        query, key = (layer(together).flatten(2) for layer in (self.query, self.key))
        near = query.transpose(1, 2) @ key / math.sqrt(query.shape[1])  # B,N,N
        inside = F.interpolate(valid.float().unsqueeze(1), size).flatten(2)  # B,1,N
        near = near.float() - 1e9 * (1 - inside.transpose(1, 2) * inside)
        return (cam.flatten(2) @ near.softmax(2).transpose(1, 2)).view_as(cam)
