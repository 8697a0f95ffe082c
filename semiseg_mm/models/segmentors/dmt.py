from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View

from .self_training import SelfTrainingSegmentor


@MODELS.register_module()
class DMTSegmentor(SelfTrainingSegmentor):
    """Train one of two networks on the other's labels (DMT, Feng et al. 2022, arXiv:2004.08514).

    Each phase does it for both; ``MutualCrossEntropy`` weighs the labels. The loss is one mean over
    human-labeled and pseudo-labeled pixels together.

    Args:
        segmentor: Config of the network.
        unsupervised: Config of the loss on pseudo labels.
    """

    decided = SelfTrainingSegmentor.decided | {'weight', 'supervised_weight'}

    def __init__(
        self,
        segmentor: dict,
        unsupervised: dict = dict(type='MutualCrossEntropy'),
        **kwargs,
    ) -> None:
        super().__init__(segmentor, unsupervised=unsupervised, **kwargs)

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        known, guessed = (stored_label(views[n]).valid.sum() for n in ('labeled', 'pseudo'))
        together = (known + guessed).clamp(min=1)
        self.supervised_weight, self.weight = known / together, guessed / together
        return views
