"""A method from outside the tree that learns from a frozen network of another architecture."""

from semiseg_mm.models import WeakToStrongSegmentor
from semiseg_mm.models.segmentors.forward import forward_images
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class Guided(WeakToStrongSegmentor):
    """FixMatch that also follows the guide's probabilities on the weak view."""

    def __init__(self, segmentor, guide, **kwargs):
        super().__init__(segmentor, dropped_weight=1e-9, **kwargs)  # the student sees 'weak', too
        self.add_auxiliary('guide', guide, trained=False)

    def unsupervised_loss(self, views, outputs):
        losses = super().unsupervised_loss(views, outputs)
        told = forward_images(self.auxiliaries['guide'], views['weak'].inputs).logits.softmax(1)
        p = outputs['student']['weak'].logits.softmax(1)
        return dict(losses, loss_guided=(p - told).square().sum(1).mean())
