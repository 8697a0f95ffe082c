from collections.abc import Sequence

import torch
from torch import Tensor

from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View

from .base import Logits, SemiSegmentor

TEACHERS = ('self', 'self_eval', 'ema')


@MODELS.register_module()
class WeakToStrongSegmentor(SemiSegmentor):
    """The loop that most methods share: labels made on a weak view are learned on strong ones.

    FixMatch, CutMix-Seg, UniMatch and UniMatch V2 are choices of its slots, see
    ``configs/_base_/methods``.

    Args:
        segmentor: Config of the network.
        teacher: Who labels the weak view. 'self': the student, in its own training forward.
            'self_eval': the student, in eval mode without gradient. 'ema': a running mean of the
            student, which MeanTeacherHook moves (with ``decay=1`` it is frozen).
        strong_views: The views that are learned from.
        mixer: Config of the mixing within each strong view, drawn anew for each, or None.
        perturbation: Config of what is done to features before the head, or None. If it makes the
            view ``weak_dropped``, that is learned from as well.
        filter: Config of what decides which pixels count, or None.
        weight: Of the strong views' mean loss.
        dropped_weight: Of the loss on the dropped features.
        rampup_iters: Both weights rise over so many iterations, as exp(-5 (1 - t)^2).
    """

    def __init__(
        self,
        segmentor: dict,
        teacher: str = 'ema',
        strong_views: Sequence[str] = ('strong',),
        mixer: dict | None = None,
        filter: dict | None = None,
        pseudo_label: dict = dict(type='HardPseudoLabel'),
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        weight: float = 1.0,
        dropped_weight: float = 0.0,
        rampup_iters: int = 0,
        **kwargs,
    ) -> None:
        if teacher not in TEACHERS:
            raise ValueError(f'teacher is one of {", ".join(TEACHERS)}, got {teacher!r}')
        networks = dict(student=segmentor)
        if teacher == 'ema':
            networks['teacher'] = segmentor
        own_weak = teacher == 'self' or dropped_weight > 0
        super().__init__(
            networks=networks,
            teachers=('teacher',) if teacher == 'ema' else (),
            student_views=(*(['weak'] if own_weak else []), *strong_views),
            **kwargs,
        )
        self.teacher = teacher
        self.strong_views = tuple(strong_views)
        self.mixer = MODELS.build(mixer) if mixer else None
        self.filter = MODELS.build(filter) if filter else None
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)
        self.weight = weight
        self.dropped_weight = dropped_weight
        self.rampup_iters = rampup_iters

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        if self.teacher != 'self':
            weak = views['weak']
            name = 'teacher' if self.teacher == 'ema' else 'student'
            target = self.pseudo_label(self.teach(name, weak.inputs), weak.valid)
            views['weak'] = weak._replace(target=target)
        if self.mixer is not None:
            for name in self.strong_views:
                view = views[name]
                views[name] = self.mixer.draw(view.inputs, views['weak'].target).mix_view(view)
        return views

    def unsupervised_loss(self, views: dict[str, View], logits: Logits) -> dict[str, Tensor]:
        own, weak = logits['student'], views['weak']
        target = weak.target or self.pseudo_label(own['weak'], weak.valid)
        strong = [self._term(own[name], target, views[name]) for name in self.strong_views]
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        losses = dict(loss_strong=ramp * self.weight * torch.stack(strong).mean())
        if 'weak_dropped' in own:
            dropped = self._term(own['weak_dropped'], target, weak)
            losses['loss_dropped'] = ramp * self.dropped_weight * dropped
        if self.filter is not None:
            kept = self.filter(target).kept.sum()
            losses['kept'] = kept / weak.valid.sum().clamp(min=1)
        return losses

    def _term(self, logits: Tensor, target: PseudoLabel, view: View) -> Tensor:
        if view.mix is not None:
            target = view.mix.mix_label(target)
        if self.filter is not None:
            target = self.filter(target)
        return self.unsupervised(logits, target)
