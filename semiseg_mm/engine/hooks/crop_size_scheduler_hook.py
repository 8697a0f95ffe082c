from collections.abc import Iterator, Sequence

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from torch.optim import Optimizer

from semiseg_mm.datasets.crop_schedule import CropSchedule, check_kind, sweep, with_growth
from semiseg_mm.datasets.samplers import RequestBatches, RequestStream, sampler_of
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS


@HOOKS.register_module()
class CropSizeSchedulerHook(Hook):
    """Train with crop sizes that change over the iterations (coarse2fine and its kin).

    The size is a pure function of the iteration and travels with each request, so a batch has
    one size whatever the workers, the processes, or where a run was resumed. The hook hands the
    schedule to the sampler, logs it, writes ``crop_size`` to the scalars, and checks each batch.

    Args:
        schedule: 'constant', 'coarse2fine', 'fine2coarse'; with '+' the sweep is repeated.
        sizes: Crop sizes, numbers or (h, w).
        warmup: Iterations at the largest size before the sweep.
        cycles: How often a '+' schedule sweeps.
        phases: Instead of all these, a list of (end_iter, crop) or (end_iter, crop, batch) whose
            last end is max_iters; ``batch`` is how many times the sampler's places make a batch.
        divisor: Every side must be a multiple of it.
        grow_batch: Smaller crops come in larger batches, ``floor(largest area / area)`` times the
            sampler's places.
        scale_lr: Multiply the learning rate with the batch, for each step of the optimizer; what
            the schedulers see, log and store stays the rate of the plain batch.
    """

    def __init__(
        self,
        schedule: str = 'coarse2fine',
        sizes: Sequence = (),
        warmup: int = 0,
        cycles: int = 4,
        phases: Sequence | None = None,
        divisor: int = 1,
        grow_batch: bool = False,
        scale_lr: bool = True,
    ) -> None:
        if not (sizes or phases):
            raise UserError('CropSizeSchedulerHook needs sizes=[…] or phases=[(end, crop), …].')
        check_kind(schedule)
        self.named = dict(kind=schedule, sizes=sizes, warmup=warmup, cycles=cycles)
        self.phases = phases
        self.divisor = divisor
        self.grow_batch = grow_batch
        self.scale_lr = scale_lr
        self.factor = 1
        self._handles: list = []

    @property
    def grows_batch(self) -> bool:
        """Known before the schedule is: the train loop asks when it builds the dataloader."""
        return self.grow_batch or any(len(phase) > 2 for phase in self.phases or ())

    def before_run(self, runner) -> None:
        """Before a checkpoint is loaded, which is compared with the schedule."""
        if isinstance(runner._train_loop, dict) or runner._train_loop is None:
            return  # a test
        phases = self.phases or sweep(max_iters=runner.max_iters, **self.named)
        self.plan = CropSchedule(with_growth(phases) if self.grow_batch else phases, self.divisor)
        if self.plan.ends[-1] != runner.max_iters:
            raise UserError(
                f'The last crop phase ends at {self.plan.ends[-1]}, the training at '
                f'{runner.max_iters}: correct phases of CropSizeSchedulerHook.'
            )
        sampler = sampler_of(runner.train_dataloader)
        if not isinstance(sampler, RequestStream):
            raise UserError(
                'CropSizeSchedulerHook needs a sampler of requests (SourceRatioSampler, …), not '
                f'{type(sampler).__name__}.'
            )
        batches = runner.train_dataloader.batch_sampler
        if self.plan.grows and not isinstance(batches, RequestBatches):
            raise UserError(
                'A growing batch needs train_dataloader as a config and the SemiTrainLoop: they '
                'build the batches of CropSizeSchedulerHook.'
            )
        sampler.crop_schedule = self.plan

    def before_train(self, runner) -> None:
        plan = self.plan
        text = (
            f'Crop sizes: {plan}; {100 * plan.relative_cost():.0f} % of the pixels of the largest '
            'crop throughout'
        )
        if plan.grows:
            images = plan.rows_before(runner.max_iters) / runner.max_iters
            text += f', {images:.2f} times the images'
        runner.logger.info(f'{text}.')
        while self._handles:  # of an earlier training
            self._handles.pop().remove()
        if plan.grows and self.scale_lr:
            for optimizer in _optimizers(runner.optim_wrapper):
                self._scale_steps(optimizer)

    def _scale_steps(self, optimizer: Optimizer) -> None:
        """Around each step, so that neither schedulers nor checkpoints see the scaled rate."""
        plain: list = []

        def scale(*_) -> None:
            if plain:  # a subclass's step that calls its parent's comes here twice
                return
            for group in optimizer.param_groups:
                plain.append(group['lr'])
                group['lr'] = group['lr'] * self.factor

        def restore(*_) -> None:
            for group, rate in zip(optimizer.param_groups, plain):
                group['lr'] = rate
            plain.clear()

        self._handles.append(optimizer.register_step_pre_hook(scale))
        self._handles.append(optimizer.register_step_post_hook(restore))

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        _, expected, self.factor = self.plan.phase(runner.iter)
        for view, images in data_batch['inputs'].items():
            found = {tuple(image.shape[-2:]) for image in images}
            if found != {expected}:
                raise UserError(
                    f"The view '{view}' of iteration {runner.iter} is {sorted(found)}, the "
                    f'schedule says {expected}: end the cropping in ScaleCrop, and pad nowhere '
                    'after it.'
                )
        runner.message_hub.update_scalar('train/crop_size', expected[0])
        if self.plan.grows:
            runner.message_hub.update_scalar('train/batch_factor', self.factor)


def _optimizers(optim_wrapper) -> Iterator[Optimizer]:
    wrapped = isinstance(optim_wrapper, OptimWrapperDict)
    for wrapper in optim_wrapper.values() if wrapped else [optim_wrapper]:
        yield wrapper.optimizer
