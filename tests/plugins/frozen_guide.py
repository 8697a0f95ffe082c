"""A method from outside the tree that learns from a frozen network of another architecture."""

from semiseg_mm.models import SemiSegmentor, SoftPseudoLabel
from semiseg_mm.models.losses import ProbabilityMSE
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class Guided(SemiSegmentor):
    """The student follows the guide's probabilities on the weak view."""

    def __init__(self, segmentor, guide, **kwargs):
        super().__init__(dict(student=segmentor), student_views=('weak',), **kwargs)
        self.add_auxiliary('guide', guide, trained=False)
        self.pseudo_label, self.unsupervised = SoftPseudoLabel(), ProbabilityMSE(classes='sum')

    def unsupervised_loss(self, views, outputs):
        weak = views['weak']
        told = self.pseudo_label(self.teach('guide', weak.inputs).logits, weak.valid)
        return dict(loss_guided=self.unsupervised(outputs['student']['weak'].logits, told))
