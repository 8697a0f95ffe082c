import torch
from torch import Tensor

from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_choice, check_number

from .base import Outputs
from .parts import derived_part
from .weak_to_strong import WeakToStrongSegmentor

COVERS = ('labeled', 'all')


@MODELS.register_module()
class ContrastSegmentor(WeakToStrongSegmentor):
    """Add a contrast between pixels to any choice of slots of ``WeakToStrongSegmentor``.

    PixCon is UniMatch V2 with a ``CleanContrast``, ReCo a mean teacher with a
    ``RegionalContrast``: see ``configs/_base_/methods``.

    Args:
        segmentor: Config of the network.
        contrast: Config of the loss: ``contrast(pixels, logits, target)`` gets representations,
            the student's logits, and hard labels before the filter; it returns a number.
        projector: Config of the student's head that gives the representations; it takes
            ``in_channels`` and has ``out_channels``.
        contrast_weight: Of the contrast; it rises with the other weights.
        contrast_covers: 'labeled' contrasts labeled pixels, 'all' those of the strong views as
            well.
    """

    def __init__(
        self,
        segmentor: dict,
        contrast: dict,
        projector: dict = dict(type='ConvProjector'),
        contrast_weight: float = 0.1,
        contrast_covers: str = 'labeled',
        **kwargs,
    ) -> None:
        check_number('contrast_weight', contrast_weight, type(self).__name__)
        check_choice('contrast_covers', contrast_covers, COVERS, type(self).__name__)
        super().__init__(segmentor, loss_on_labeled=True, **kwargs)
        self.add_auxiliary('projector', projector, in_channels=self.embedding_channels)
        channels = self.auxiliaries['projector'].out_channels
        derived = dict(num_classes=self.out_channels, channels=channels)
        self.contrast = derived_part(contrast, 'model.contrast', **derived)
        self.contrast_weight = contrast_weight
        self.contrast_covers = contrast_covers

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        losses = super().unsupervised_loss(views, outputs)  # after which the views have labels
        strong = self.strong_views if self.contrast_covers == 'all' else ()
        own = [outputs['student'][name] for name in ('labeled', *strong)]
        targets = [stored_label(views['labeled']), *(views[name].target for name in strong)]
        pixels = self.auxiliaries['projector'](torch.cat([output.embedding for output in own]))
        loss = self.contrast(
            pixels,
            torch.cat([output.coarse for output in own]),
            PseudoLabel.cat(PseudoLabel(x.hard, x.confidence, x.valid) for x in targets),
        )
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        return dict(losses, loss_contrast=ramp * self.contrast_weight * loss)
