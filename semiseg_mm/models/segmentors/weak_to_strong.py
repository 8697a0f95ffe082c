from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.mixing import mix_view
from semiseg_mm.models.pseudo_labels import filtered, labeled_by, observe
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_choice, check_count, check_number

from .base import Output, Outputs, SemiSegmentor

TEACHERS = ('self', 'self_eval', 'ema')


@MODELS.register_module()
class WeakToStrongSegmentor(SemiSegmentor):
    """Learn labels made on a weak view on strong ones: the loop that most methods share.

    FixMatch, CutMix-Seg, ClassMix, AugSeg, UniMatch and others are choices of its slots, see
    ``configs/_base_/methods``.

    Args:
        segmentor: Config of the network.
        teacher: Who labels the weak view. 'self': the student, in its own training forward.
            'self_eval': the student, in eval mode without gradient. 'ema': a running mean of the
            student, which MeanTeacherHook moves (with ``decay=1`` it is frozen).
        strong_views: The views that are learned from.
        sees_weak: Whether the student also gets the weak view, without a loss: for the statistics
            of its norm layers (AugSeg with 92 labels).
        covers: 'unlabeled', or 'all': the teacher labels the labeled images as well, and the
            student learns this beside the truth (AEL).
        label_in_train_mode: Whether the running mean labels in train mode, with the statistics of
            the batch (ClassMix), and so moves its own.
        mixer: Config of the mixing within each strong view, drawn anew for each, or None.
        colours: Config of how colours change after the mixing (``BatchColours``), or None. The
            views themselves have changed them before.
        perturbation: Config of what is done to features before the head, or None. If it makes the
            view ``weak_dropped``, that is learned from as well.
        filter: Config of what decides which pixels count, or None.
        filter_before_mixing: Whether it sees labels before they are mixed, not afterwards. Then
            pixels pasted from labeled images count fully (DACS).
        weight: Of the strong views' mean loss.
        dropped_weight: Of the loss on the dropped features.
        rampup_iters: Both weights rise over so many iterations, as exp(-5 (1 - t)^2).
    """

    decided = SemiSegmentor.decided - {'perturbation'}

    def __init__(
        self,
        segmentor: dict,
        teacher: str = 'ema',
        strong_views: Sequence[str] = ('strong',),
        sees_weak: bool = False,
        covers: str = 'unlabeled',
        label_in_train_mode: bool = False,
        mixer: dict | None = None,
        colours: dict | None = None,
        filter: dict | None = None,
        filter_before_mixing: bool = False,
        pseudo_label: dict = dict(type='HardPseudoLabel'),
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        weight: float = 1.0,
        dropped_weight: float = 0.0,
        rampup_iters: int = 0,
        **kwargs,
    ) -> None:
        check_choice('teacher', teacher, TEACHERS, 'WeakToStrongSegmentor')
        check_number('weight', weight, type(self).__name__)
        check_number('dropped_weight', dropped_weight, type(self).__name__)
        check_count('rampup_iters', rampup_iters, type(self).__name__)
        check_choice('covers', covers, ('unlabeled', 'all'), type(self).__name__)
        if teacher == 'self' and covers == 'all':
            raise UserError(
                "covers='all' compares labeled images with a teacher's labels, and teacher='self' "
                "has these from the same forward: set model.teacher='ema'."
            )
        if label_in_train_mode and teacher != 'ema':
            raise UserError(
                f"label_in_train_mode is about teacher='ema'. teacher='{teacher}' says itself in "
                'which mode the student labels: leave it out.'
            )
        kwargs.setdefault('loss_on_labeled', covers == 'all')
        networks = dict(student=segmentor)
        if teacher == 'ema':
            networks['teacher'] = segmentor
        own_weak = sees_weak or teacher == 'self' or dropped_weight > 0
        super().__init__(
            networks=networks,
            teachers=dict(teacher='student') if teacher == 'ema' else {},
            student_views=(*(['weak'] if own_weak else []), *strong_views),
            **kwargs,
        )
        self.teacher = teacher
        self.strong_views = tuple(strong_views)
        self.covers = covers
        self.label_in_train_mode = label_in_train_mode
        self.mixer = MODELS.build(mixer) if mixer else None
        self.colours = MODELS.build(colours) if colours else None
        self.filter = MODELS.build(filter) if filter else None
        self.filter_before_mixing = filter_before_mixing
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)
        self.weight = weight
        self.dropped_weight = dropped_weight
        self.rampup_iters = rampup_iters

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        if self.teacher != 'self':
            views['weak'] = self._labeled(views['weak'], self._taught(views['weak']))
        for name in self.strong_views:
            view = views[name]._replace(target=views['weak'].target)
            view = mix_view(self.mixer, view, views['labeled'])
            changed = self.data_preprocessor.recoloured(view.inputs, self.colours)
            views[name] = view._replace(inputs=changed)
        return views

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        own, weak = outputs['student'], views['weak']
        if self.teacher == 'self':  # the label comes after the mixing
            weak = self._labeled(weak, own['weak'].logits)
            for name in self.strong_views:
                views[name] = views[name].taught(weak.target)
        later = None if self.filter_before_mixing else self.filter
        targets = {name: views[name].target for name in self.strong_views}
        losses = self._learned(own, weak.target, targets, later)
        if self.covers == 'all':
            known = views['labeled']
            target = filtered(self.filter, self.pseudo_label(self._taught(known), known.valid))
            labeled = self.unsupervised(own['labeled'].logits, target)
            ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
            losses['loss_labeled'] = ramp * self.weight * labeled
        if self.filter is None:
            losses.pop('kept')
        return losses

    def _learned(
        self,
        own: dict[str, Output],
        weak: PseudoLabel,
        strong: dict[str, PseudoLabel],
        filter: nn.Module | None,
    ) -> dict[str, Tensor]:
        """Return the losses with a label of the weak view, and with that label mixed as each strong
        view was; and the share of pixels that count there."""
        targets = {name: filtered(filter, target) for name, target in strong.items()}
        found = [self.unsupervised(own[name].logits, target) for name, target in targets.items()]
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        losses = dict(loss_strong=ramp * self.weight * torch.stack(found).mean())
        if 'weak_dropped' in own:
            dropped = self.unsupervised(own['weak_dropped'].logits, filtered(filter, weak))
            losses['loss_dropped'] = ramp * self.dropped_weight * dropped
        kept = torch.stack([target.kept.sum() for target in targets.values()]).mean()
        losses['kept'] = kept / weak.valid.sum().clamp(min=1)
        return losses

    def _taught(self, view: View) -> Tensor:
        """Return the logits of the network that labels."""
        name = 'teacher' if self.teacher == 'ema' else 'student'
        return self.teach(name, view.inputs, self.label_in_train_mode).logits

    def _labeled(self, weak: View, logits: Tensor) -> View:
        target = labeled_by(self.pseudo_label, logits, weak.valid, self.progress)
        observe(self.filter, target, self.progress)
        early = self.filter if self.filter_before_mixing else None
        return weak._replace(target=filtered(early, target))
