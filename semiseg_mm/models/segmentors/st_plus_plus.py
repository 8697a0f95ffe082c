import torch
from torch import Tensor

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class STPlusPlusSegmentor(SemiSegmentor):
    """Train the student of ST and ST++ (Yang et al., CVPR 2022).

    Human-labeled and pseudo-labeled images are one batch with one loss, mmseg's own. They differ
    in their augmentation only: the view 'pseudo' is the strong one. A batch may hold any mixture
    of the two (``LabeledOversampleSampler``).
    """

    def __init__(self, segmentor: dict, **kwargs) -> None:
        super().__init__(networks=dict(student=segmentor), **kwargs)

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        parts = [views[name] for name in ('labeled', 'pseudo') if name in views]
        together = View(
            inputs=torch.cat([part.inputs for part in parts]),
            data_samples=[sample for part in parts for sample in part.data_samples],
            valid=torch.cat([part.valid for part in parts]),
        )
        return dict(labeled=together)

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        return {}
