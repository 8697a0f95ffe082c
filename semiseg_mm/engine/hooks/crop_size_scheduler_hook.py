from collections.abc import Sequence

from mmengine.hooks import Hook

from semiseg_mm.datasets.crop_schedule import CropSchedule, sweep
from semiseg_mm.datasets.samplers import RequestStream
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
        phases: Instead of all these, a list of (end_iter, crop) whose last end is max_iters.
        divisor: Every side must be a multiple of it.
    """

    def __init__(
        self,
        schedule: str = 'coarse2fine',
        sizes: Sequence = (),
        warmup: int = 0,
        cycles: int = 4,
        phases: Sequence | None = None,
        divisor: int = 1,
    ) -> None:
        if not (sizes or phases):
            raise UserError('CropSizeSchedulerHook needs sizes=[…] or phases=[(end, crop), …].')
        self.named = dict(kind=schedule, sizes=sizes, warmup=warmup, cycles=cycles)
        self.phases = phases
        self.divisor = divisor

    def before_train(self, runner) -> None:
        phases = self.phases or sweep(max_iters=runner.max_iters, **self.named)
        self.plan = CropSchedule(phases, self.divisor)
        if self.plan.ends[-1] != runner.max_iters:
            raise UserError(
                f'The last crop phase ends at {self.plan.ends[-1]}, the training at '
                f'{runner.max_iters}: correct phases of CropSizeSchedulerHook.'
            )
        sampler = runner.train_dataloader.sampler
        if not isinstance(sampler, RequestStream):
            raise UserError(
                'CropSizeSchedulerHook needs a sampler of requests (SourceRatioSampler, …), not '
                f'{type(sampler).__name__}.'
            )
        sampler.crop_schedule = self.plan
        steps = ', '.join(f'to {end}: {h}x{w}' for end, (h, w) in self.plan.phases)
        runner.logger.info(
            f'Crop sizes: {steps}; {100 * self.plan.relative_cost():.0f} % of the pixels of the '
            'largest crop throughout.'
        )

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        expected = self.plan.at(runner.iter)
        for view, images in data_batch['inputs'].items():
            found = {tuple(image.shape[-2:]) for image in images}
            if found != {expected}:
                raise UserError(
                    f"The view '{view}' of iteration {runner.iter} is {sorted(found)}, the "
                    f'schedule says {expected}: end the cropping in ScaleCrop, and pad nowhere '
                    'after it.'
                )
        runner.message_hub.update_scalar('train/crop_size', expected[0])
