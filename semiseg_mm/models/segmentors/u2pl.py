import torch
from torch import Tensor

from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.pseudo_labels import entropy_of, quantile, stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_number, check_share

from .base import Outputs
from .forward import in_mode
from .parts import derived_part
from .weak_to_strong import WeakToStrongSegmentor


@MODELS.register_module()
class U2PLSegmentor(WeakToStrongSegmentor):
    """Learn from unreliable pseudo labels (Wang et al., CVPR 2022, arXiv:2203.03884).

    A teacher labels the unlabeled images. Where it is sure, the student learns its labels; where
    it is not, the pixels say of some classes that they are not these (``UnreliableContrast``).

    Args:
        segmentor: Config of the network.
        projector: Config of the head beside the classifier that gives the representations; it
            takes ``in_channels`` and has ``out_channels``.
        contrast: Config of the contrastive loss.
        contrast_weight: Of that loss; the authors advise 0.1 where it hurts.
        unreliable: Share of the pixels, those with the largest entropy, that is unreliable at the
            start; it falls to 0 over the training.
        supervised_until: Until this share of the training only labels are learned;
            ``MeanTeacherHook`` must have the same ``begin``.
    """

    decided = WeakToStrongSegmentor.decided | {'teacher', 'strong_views', 'covers', 'filter'}
    decided |= {'filter_before_mixing', 'perturbation', 'dropped_weight'}

    def __init__(
        self,
        segmentor: dict,
        projector: dict = dict(type='ConvProjector'),
        contrast: dict = dict(type='UnreliableContrast'),
        contrast_weight: float = 1.0,
        unreliable: float = 0.2,
        supervised_until: float = 0.0,
        unsupervised: dict = dict(type='MaskedCrossEntropy', over='kept'),
        **kwargs,
    ) -> None:
        check_number('contrast_weight', contrast_weight, 'U2PLSegmentor')
        check_share('unreliable', unreliable, 'U2PLSegmentor')
        check_share('supervised_until', supervised_until, 'U2PLSegmentor')
        super().__init__(segmentor, unsupervised=unsupervised, loss_on_labeled=True, **kwargs)
        self.teachers_begin = supervised_until
        for name, leader in dict(projector=None, teacher_projector='projector').items():
            self.add_auxiliary(name, projector, leader, in_channels=self.embedding_channels)
        channels = self.auxiliaries['projector'].out_channels
        derived = dict(num_classes=self.out_channels, channels=channels)
        self.contrast = derived_part(contrast, 'model.contrast', **derived)
        self.contrast_weight = contrast_weight
        self.unreliable = unreliable
        self.supervised_until = supervised_until

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        both, own = [views['labeled'], views['strong']], outputs['student']
        embedding = torch.cat([own['labeled'].embedding, own['strong'].embedding])
        student = self.auxiliaries['projector'](embedding)
        images = torch.cat([view.inputs for view in both])
        taught = self.teach('teacher', images, train_mode=True)
        teaching = self.auxiliaries['teacher_projector']
        with torch.no_grad(), in_mode(teaching, train=True):
            teacher = teaching(taught.embedding)
        if self.progress < self.supervised_until:
            return dict(loss_strong=0 * own['strong'].logits.sum(), loss_contrast=0 * student.sum())
        known, guessed = stored_label(both[0]), both[1].target
        labeled, share = len(images) - len(guessed.valid), self.unreliable * (1 - self.progress)
        entropy = entropy_of(taught.logits[labeled:])  # B,H,W
        known_entropy = entropy[guessed.valid]  # waits: its quantiles leave the padding out
        low, high = (quantile(known_entropy, q) for q in (share, 1 - share))
        kept = guessed.weighted((entropy < high).float())
        loss = self.unsupervised(own['strong'].logits, kept)
        loss = loss * guessed.valid.sum() / (kept.kept > 0).sum().clamp(min=1)
        contrast = self.contrast(
            student,
            teacher,
            taught.coarse.float().softmax(1),
            label=torch.cat([known.label, guessed.hard]),
            reliable=torch.cat([known.valid, guessed.valid & (entropy <= low)]),
            unreliable=torch.cat([known.valid, guessed.valid & (entropy >= high)]),
            labeled=labeled,
        )
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        return dict(
            loss_strong=ramp * self.weight * loss,
            loss_contrast=ramp * self.contrast_weight * contrast,
            kept=kept.kept.sum() / guessed.valid.sum().clamp(min=1),
        )
