from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.mixing import mix_view
from semiseg_mm.models.pseudo_labels import filtered, labeled_by, observe
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_count, check_number, turn_of

from .base import Outputs, SemiSegmentor
from .lesson import Lesson


@MODELS.register_module()
class DualTeacher(SemiSegmentor):
    """Switch temporary teachers (Dual Teacher, Na et al., NeurIPS 2023, arXiv:2310.18640).

    The training is cut into turns. In each, one of the teachers labels and follows the student,
    from whom it starts anew; the others rest. Each mixes in a way of its own.

    Args:
        segmentor: Config of the network.
        lessons: For each teacher its ``mixer``, the ``view`` that is mixed, ``colours`` that change
            afterwards and the ``filter``.
        turns: How many there are in the training; ``MeanTeacherHook`` must have as many.
        filter: Config of what decides which pixels of the unmixed strong view count, or None.
        weight: Of the mixed view.
        strong_weight: Of the unmixed strong view.
        rampup_iters: Both weights rise over so many iterations, as exp(-5 (1 - t)^2); the paper
            has none.
    """

    def __init__(
        self,
        segmentor: dict,
        lessons: Sequence[dict],
        turns: int = 200,
        filter: dict | None = dict(type='Threshold', value=0.95),
        weight: float = 1.0,
        strong_weight: float = 0.2,
        rampup_iters: int = 0,
        pseudo_label: dict = dict(type='HardPseudoLabel'),
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        joint_forward: bool | Sequence[Sequence[str]] = (('labeled', 'mixed'), ('strong',)),
        **kwargs,
    ) -> None:
        check_number('weight', weight, 'DualTeacher')
        check_number('strong_weight', strong_weight, 'DualTeacher')
        check_count('rampup_iters', rampup_iters, 'DualTeacher')
        check_count('turns', turns, 'DualTeacher', least=1)
        if not 1 <= len(lessons) <= turns:
            raise UserError(f'{len(lessons)} lessons, {turns} turns: give some, each a turn.')
        names = [f'teacher_{number}' for number in range(len(lessons))]
        super().__init__(
            networks=dict.fromkeys(['student', *names], segmentor),
            teachers=dict.fromkeys(names, 'student'),
            student_views=('mixed', 'strong'),
            joint_forward=joint_forward,
            **kwargs,
        )
        self.lessons = nn.ModuleList(Lesson(**lesson) for lesson in lessons)
        self.turns = self.teachers_turns = turns
        self.filter = MODELS.build(filter) if filter else None
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)
        self.weights = dict(mixed=weight, strong=strong_weight)
        self.rampup_iters = rampup_iters

    def followers(self, turn: int | None = None) -> Iterable[tuple[nn.Module, nn.Module]]:
        pairs = list(super().followers())
        return pairs if turn is None else [pairs[turn % len(pairs)]]

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        weak = views['weak']
        number = turn_of(self.iteration, self.max_iters, self.turns) % len(self.lessons)
        lesson = self.lessons[number]
        logits = self.teach(f'teacher_{number}', weak.inputs, train_mode=True).logits
        target = labeled_by(self.pseudo_label, logits, weak.valid, self.progress)
        observe(self.filter, target, self.progress)
        seen = views[lesson.view]._replace(target=target)
        mixed = mix_view(lesson.mixer, seen, views['labeled'])
        views['mixed'] = mixed._replace(
            inputs=self.data_preprocessor.recoloured(mixed.inputs, lesson.colours),
            target=filtered(lesson.filter, mixed.target, self.progress),
        )
        views['strong'] = views['strong']._replace(target=filtered(self.filter, target))
        return views

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        return {
            f'loss_{name}': ramp
            * weight
            * self.unsupervised(outputs['student'][name].logits, views[name].target)
            for name, weight in self.weights.items()
        }
