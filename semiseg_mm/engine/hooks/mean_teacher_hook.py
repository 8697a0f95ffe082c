import torch
from mmengine.hooks import Hook
from torch.optim.swa_utils import get_ema_multi_avg_fn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import check_choice, check_count, check_share, turn_of, unwrapped

BUFFER_POLICIES = ('copy', 'ema', 'keep')


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    """Move the teacher after each optimizer step: teacher = d * teacher + (1 - d) * student.

    It moves each follower of the model towards the module that it follows: teachers and what
    stands beside them (a teacher's projector).

    Nothing happens in the iterations of a gradient accumulation that do not step. The number of
    updates is a buffer of the model, so it is resumed with it.

    Args:
        decay: d, the share of the teacher that is kept (0.99 … 0.9996). 1 freezes it: it stays
            what the student was at the start, buffers too.
        warmup: Use min(1 - 1 / (t + 1), decay) in the t-th update (t from 0), so that the
            teacher forgets the initial weights at once.
        buffers: BatchNorm statistics of the teacher: 'copy' the student's, 'ema' average them as
            well, or 'keep' the teacher's own.
        begin: Until this share of the training is done, the teacher equals the student, buffers
            too (the supervised first epoch of U2PL, AugSeg's first).
        count_all: Whether these steps are updates as well, so that ``warmup`` is nearly over when
            the teacher begins to move (AugSeg); by default it begins then (U2PL).
        turns: The training is cut into so many equal parts. In each the updates are counted anew,
            so with ``warmup`` a follower starts as a copy of the student's weights; and the model
            says which of its followers move in it (Dual Teacher: one after the other).
    """

    priority = 'NORMAL'  # before checkpoints are saved
    moves_teachers = True  # the train loop looks for a hook that does

    def __init__(
        self,
        decay: float = 0.999,
        warmup: bool = True,
        buffers: str = 'copy',
        begin: float = 0.0,
        count_all: bool = False,
        turns: int = 1,
    ) -> None:
        check_share('decay', decay, 'MeanTeacherHook')
        check_share('begin', begin, 'MeanTeacherHook')
        check_choice('buffers', buffers, BUFFER_POLICIES, 'MeanTeacherHook')
        check_count('turns', turns, 'MeanTeacherHook', least=1)
        self.decay = decay
        self.warmup = warmup
        self.buffers = buffers
        self.begin = begin
        self.count_all = count_all
        self.turns = turns
        self.turn = 0
        self.steps = 0  # the model's teacher_steps, for which the host need not wait

    def before_train(self, runner) -> None:
        model = unwrapped(runner.model)
        if not (hasattr(model, 'followers') and model.followers()):
            raise UserError(
                f'MeanTeacherHook found no teacher in {type(model).__name__}: remove the hook '
                'from custom_hooks, or train a model that has one (MeanTeacher).'
            )
        if model.teachers_begin not in (None, self.begin):
            raise UserError(
                f'{type(model).__name__} learns labels alone for {model.teachers_begin:g} of the '
                f'training, MeanTeacherHook begins at {self.begin:g}: set '
                f'custom_hooks.N.begin={model.teachers_begin:g}.'
            )
        if model.teachers_turns not in (None, self.turns):
            raise UserError(
                f'The teachers of {type(model).__name__} take {model.teachers_turns} turns, '
                f'MeanTeacherHook has turns={self.turns}: set both alike (model.turns, '
                'custom_hooks.N.turns).'
            )
        self.turn = turn_of(max(0, runner.iter - 1), runner.max_iters, self.turns)
        self.steps = int(model.teacher_steps)
        if self.steps == 0 and self.turn == 0:
            model.sync_teachers()  # after load_from, which may have changed the student

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        model, turn = unwrapped(runner.model), turn_of(runner.iter, runner.max_iters, self.turns)
        if turn != self.turn:
            model.teacher_steps.zero_()
            self.steps = 0
        self.turn = turn
        if runner.optim_wrapper.should_update():  # true right after a step
            if runner.iter < self.begin * runner.max_iters:
                model.sync_teachers()
                if self.count_all:
                    self._count(model)
            else:
                self.update(model)

    @torch.no_grad()
    def update(self, model) -> None:
        self._count(model)
        decay = self.decay
        if decay == 1:
            return
        if self.warmup:
            decay = min(1 - 1 / self.steps, decay)
        for follower, leader in model.followers(self.turn):
            _average(list(follower.parameters()), list(leader.parameters()), decay)
            self._update_buffers(follower, leader, decay)

    def _count(self, model) -> None:
        self.steps += 1
        model.teacher_steps += 1

    def _update_buffers(self, teacher, student, decay: float) -> None:
        pairs = list(zip(teacher.buffers(), student.buffers(), strict=True))
        if self.buffers == 'ema':
            floats = [pair for pair in pairs if pair[0].is_floating_point()]
            _average([t for t, _ in floats], [s for _, s in floats], decay)
            pairs = [pair for pair in pairs if not pair[0].is_floating_point()]
        if self.buffers != 'keep' and pairs:
            own, other = zip(*pairs)
            torch._foreach_copy_(own, other)


def _average(own: list, other: list, decay: float) -> None:
    if own:
        get_ema_multi_avg_fn(decay)(own, other, None)
