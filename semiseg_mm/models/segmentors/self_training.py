from torch import Tensor

from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_number

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class SelfTrainingSegmentor(SemiSegmentor):
    """Train the student of self-training (Zhu et al. 2020, arXiv:2004.14960).

    Human labels and stored pseudo labels, one cross entropy each. The pseudo labels come with the
    view 'pseudo'; a ``LabelStage`` makes them.

    Args:
        segmentor: Config of the network; it need not be the teacher's.
        weight: Of the pseudo-labeled part.
        soft: The label keeps its stored confidence as its probability, the rest is spread evenly
            over the other classes. (The whole distribution is not stored.)
        joint_forward: One forward, so one set of BatchNorm statistics, for both parts.
    """

    def __init__(
        self,
        segmentor: dict,
        weight: float = 1.0,
        soft: bool = False,
        joint_forward: bool = True,
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        **kwargs,
    ) -> None:
        check_number('weight', weight, type(self).__name__)
        super().__init__(
            networks=dict(student=segmentor),
            student_views=('pseudo',),
            joint_forward=joint_forward,
            **kwargs,
        )
        self.weight = weight
        self.soft = soft
        self.unsupervised = MODELS.build(unsupervised)

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        target = stored_label(views['pseudo'], self.num_classes if self.soft else None)
        loss = self.unsupervised(outputs['student']['pseudo'].logits, target)
        share = target.valid.sum() / views['pseudo'].valid.sum().clamp(min=1)
        return dict(loss_pseudo=self.weight * loss, pseudo_share=share)
