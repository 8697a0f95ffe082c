from torch import Tensor

from semiseg_mm.registry import MODELS

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class SupOnly(SemiSegmentor):
    """Train the yardstick: the same stream and number of iterations, the labeled part only.

    Use it with ``labeled_only=True`` in the sampler; ``semiseg_mm train --sup-only`` turns any
    config into it.
    """

    def __init__(self, segmentor: dict, **kwargs) -> None:
        super().__init__(networks=dict(student=segmentor), **kwargs)

    def unsupervised_loss(self, views: dict, outputs: Outputs) -> dict[str, Tensor]:
        return {}
