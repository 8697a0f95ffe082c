"""What it means for a run that its batch is not the one its config was written for."""

from typing import NamedTuple

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from torch.utils.data import DataLoader

from semiseg_mm.datasets.samplers import (
    LabeledOversampleSampler,
    RequestStream,
    SourceRatioSampler,
    sampler_of,
)
from semiseg_mm.engine.optimizers import accumulated

SAMPLER = 'train_dataloader.sampler'


class Batch(NamedTuple):
    """Hold the images of an iteration, and the options that decide how many they are."""

    size: int | None  # of one process; None: a batch sampler of one's own decides
    options: dict[str, int]  # those that are numbers of images; together they are the size
    processes: int = 1
    accumulated: int = 1  # iterations to a step of the optimizer

    @property
    def total(self) -> int:
        return self.size * self.processes


def batch_of(dataloader: DataLoader, optim_wrapper: OptimWrapper) -> Batch:
    """Return the batch of a training that is about to begin."""
    sampler, size = sampler_of(dataloader), dataloader.batch_size
    options = {}
    if isinstance(sampler, RequestStream):
        size = sampler.batch_size
    if isinstance(sampler, SourceRatioSampler):  # SupOnly: the labeled ones alone
        found = {name: sampler.places.count(k) for k, name in enumerate(('labeled', 'unlabeled'))}
        options = {f'{SAMPLER}.{name}': number for name, number in found.items() if number}
    elif isinstance(sampler, LabeledOversampleSampler):
        options = {f'{SAMPLER}.batch_size': size}
    elif not isinstance(sampler, RequestStream):
        options = {'train_dataloader.batch_size': size}
    return Batch(size, options, get_world_size(), accumulated(optim_wrapper))


def batch_in(cfg: Config) -> Batch:
    """Return the batch of a config with both kinds of images, in one process."""
    sampler = cfg.train_dataloader.sampler
    options = {f'{SAMPLER}.{name}': sampler[name] for name in ('labeled', 'unlabeled')}
    counts = cfg.optim_wrapper.get('accumulative_counts', 1)
    return Batch(sum(options.values()), options, accumulated=counts)


def batch_hint(
    batch: Batch,
    scale: dict | None,
    iters: int,
    rows: int | None = None,
    epochs: float | None = None,
    switch: str = '--auto-scale-lr',
) -> str | None:
    """Return one line, or None where the batch is as written.

    Args:
        scale: ``auto_scale_lr``; without ``base_batch_size`` nobody knows what was meant.
        rows: Batches of plain size in all iterations, where a crop schedule lets them grow.
        epochs: Those that the iterations were counted from; they stay, so the planned images do.
        switch: How scaling is asked for.
    """
    base = (scale or {}).get('base_batch_size')
    if not base or not batch.size or (batch.total, batch.accumulated) == (base, 1):
        return None
    share = batch.total / base
    rows = rows or iters
    if scale.get('enable'):
        said = f'auto_scale_lr: the learning rate is {share:.4g} times that of the config'
        if batch.accumulated > 1:
            said += f' (optim_wrapper.accumulative_counts={batch.accumulated} is not counted)'
        if epochs:
            return f'{said}. The {epochs:g} epochs stay as written: here {iters} iterations.'
        return (
            f'{said}. The {iters} iterations stay as written: this run sees {rows * batch.total} '
            f'images, {100 * share:.3g} % of the planned {rows * base}.'
        )
    said = f'The config is written for {base} images an iteration'
    if base % batch.size == 0 and base // batch.size != batch.processes:
        said += f' ({base // batch.size} x {batch.size})'
    said += f', this run has {batch.total} ({batch.processes} x {batch.size})'
    if batch.accumulated > 1:
        said += f', added up over {batch.accumulated} iterations for a step'
    said += f': {_what_to_do(batch, base, switch)}.'
    if epochs:
        return f'{said} The {epochs:g} epochs stay as written: here {iters} iterations.'
    seen = (
        ''
        if share == 1
        else f'; with this batch they see {100 * share:.3g} % of the planned images'
    )
    return f'{said} The {iters} iterations stay as written{seen}.'


def _what_to_do(batch: Batch, base: int, switch: str) -> str:
    if batch.accumulated > 1:
        factor = batch.total * batch.accumulated / base
        if factor == 1:
            return 'the learning rate fits'
        return (
            f'the learning rate does not fit; {factor:.4g} times it would (not by {switch}, which '
            'does not count accumulation)'
        )
    advice = f'{switch} multiplies the learning rate by {batch.total / base:.4g}'
    numbers = {name: number * base / batch.total for name, number in batch.options.items()}
    if numbers and all(number.is_integer() for number in numbers.values()):
        wanted = ' '.join(f'{name}={int(number)}' for name, number in numbers.items())
        advice += f', {wanted} would keep the batch'
    return advice
