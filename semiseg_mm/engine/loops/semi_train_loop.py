import logging
import os.path as osp
import time
from collections.abc import Iterator

from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import LoggerHook
from mmengine.runner import IterBasedTrainLoop

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.samplers import RequestStream, sampler_of
from semiseg_mm.datasets.split_lists import log_splits
from semiseg_mm.engine.batch_hint import batch_hint, batch_of
from semiseg_mm.engine.hooks import AtomicCheckpointHook
from semiseg_mm.engine.optimizers import accumulated, check_parts
from semiseg_mm.engine.train_plan import TrainPlan, sizes_of
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import LOOPS
from semiseg_mm.utils import seed_all, unwrapped


@LOOPS.register_module()
class SemiTrainLoop(IterBasedTrainLoop):
    """Run mmengine's iteration loop, made exactly resumable.

    Every iteration starts from the random state (run seed, iteration, rank). On resume the
    request stream moves to its place without loading anything, and a validation that was due
    at the checkpoint's iteration is run first: it may have been cut off.

    Its length is ``max_iters``, or ``epochs`` of one of the lists, which become iterations as soon
    as the lists are read.

    Args:
        max_iters, val_interval, epochs, of, length, double_labels_below, padded, vals: See
            TrainPlan.
        kwargs: mmengine's: ``val_begin``, ``dynamic_intervals``.
    """

    def __init__(
        self,
        runner,
        dataloader,
        max_iters: int | None = None,
        val_interval: int | None = None,
        epochs: float | None = None,
        of: str | None = None,
        length: int | None = None,
        double_labels_below: int = 0,
        padded: bool = False,
        vals: int | None = None,
        **kwargs,
    ) -> None:
        words = TrainPlan(
            max_iters, val_interval, epochs, of, length, double_labels_below, padded, vals
        )
        if isinstance(dataloader, dict):
            if any(getattr(hook, 'grows_batch', False) for hook in runner.hooks):
                dataloader = dict(dataloader, batch_sampler=dict(type='RequestBatches'))
            spread = runner._randomness_cfg.get('diff_rank_seed', False)
            dataloader = runner.build_dataloader(dataloader, runner.seed, spread)
        if isinstance(dataloader.dataset, SemiDataset):
            # before there are workers: mmengine 0.10.7 starts them in its constructor
            report = osp.join(runner.work_dir, 'broken_images.txt')
            dataloader.dataset.broken.report = report
        shares = getattr(sampler_of(dataloader), 'own_shares', {})
        self.plan = plan = words.count(sizes_of(dataloader.dataset), shares, get_world_size())
        super().__init__(
            runner, dataloader, plan.max_iters, val_interval=plan.val_interval, **kwargs
        )

    data_seconds = 0.0  # how long the last batch was waited for

    def run(self):
        self.dataloader_iterator = None  # mmengine's own, with workers of its own in 0.10.7
        self._check()
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        self._log_plan()
        if self._iter > 0 and not self.stop_training:
            self._validate_if_due()
        batches = self._batches()
        runner.model.train()
        while self._iter < self._max_iters and not self.stop_training:
            if not runner.model.training:  # after a validation
                runner.model.train()
            started = time.time()
            batch = next(batches)
            self.data_seconds = time.time() - started
            self.run_iter(batch)
            self._decide_current_val_interval()
            self._validate_if_due()
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model

    def run_iter(self, data_batch) -> None:
        seed_all(self.runner.seed, self._iter, get_rank())
        if isinstance(self._model, SemiSegmentor):
            self._model.iteration, self._model.max_iters = self._iter, self._max_iters
            self._model.with_accuracy = self._is_logged()
        super().run_iter(data_batch)

    def _is_logged(self) -> bool:
        loggers = [hook for hook in self.runner.hooks if isinstance(hook, LoggerHook)]
        return any(hook.every_n_inner_iters(self._iter, hook.interval) for hook in loggers)

    @property
    def _model(self):
        return unwrapped(self.runner.model)

    def _batches(self) -> Iterator[dict]:
        sampler = sampler_of(self.dataloader)
        if hasattr(sampler, 'skip'):
            stream = isinstance(sampler, RequestStream)
            done = sampler.before(self._iter) if stream else self._iter * self.dataloader.batch_size
            sampler.skip(done)
            yield from self.dataloader
            raise RuntimeError(f'{type(sampler).__name__} came to an end: it must be endless')
        yield from self._replay()

    def _replay(self) -> Iterator[dict]:
        """Run through what was seen, for a sampler that cannot skip; start over at the end."""
        seen = 0
        while True:
            for batch in self.dataloader:
                seen += 1
                if seen > self._iter:
                    yield batch

    def _validate_if_due(self) -> None:
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        if self.runner.val_loop is not None and self._iter >= self.val_begin and due:
            self.runner.val_loop.run()

    # ------------------------------------------------------------------ before the first iteration

    def _check(self) -> None:
        hooks, model, dataset = self.runner.hooks, self._model, self.dataloader.dataset
        teachers = list(getattr(model, 'teachers', ()))
        if teachers and not any(getattr(hook, 'moves_teachers', False) for hook in hooks):
            raise UserError(
                f"{type(model).__name__}'s {teachers[0]} would never move: add "
                "custom_hooks = [dict(type='MeanTeacherHook')] to the config."
            )
        check_parts(model, self.runner.optim_wrapper, self.runner.param_schedulers)
        classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
        if classes and hasattr(model, 'num_classes') and len(classes) != model.num_classes:
            raise UserError(
                f'The labeled dataset has {len(classes)} classes but the network '
                f'{model.num_classes}: set num_classes of the decode head (and of the auxiliary '
                f'head) to {len(classes)}.'
            )
        counts = accumulated(self.runner.optim_wrapper)
        for hook in hooks:
            if isinstance(hook, AtomicCheckpointHook) and hook.interval % counts:
                raise UserError(
                    f'A checkpoint every {hook.interval} iterations would fall between gradient '
                    f'accumulation steps of {counts} and lose gradients: make '
                    'default_hooks.checkpoint.interval a multiple of '
                    'optim_wrapper.accumulative_counts.'
                )
        if isinstance(dataset, SemiDataset) and get_rank() == 0:
            log_splits(dataset)
            dataset.check_labels()

    def _log_plan(self) -> None:
        """Log how much of each source the run will see."""
        sampler, dataset = sampler_of(self.dataloader), self.dataloader.dataset
        if self.plan.text:
            self.runner.logger.info(f'{self.plan.text}, validated every {self.val_interval}.')
        left = f'{self._iter} -> {self._max_iters} iterations'
        if not isinstance(sampler, RequestStream):
            self.runner.logger.info(left)
            self._hint_on_batch()
            return
        rows = sampler.before(self._max_iters) // sampler.batch_size
        sizes = dict(labeled=dataset.num_labeled, unlabeled=dataset.num_unlabeled)
        passes = sampler.passes(self._max_iters) if len(set(sampler.places)) > 1 else {}
        shares = [f'{n:.1f} passes over {sizes[name]} {name} images' for name, n in passes.items()]
        batch = f'{sampler.batch_size} x {get_world_size()} images an iteration'
        self.runner.logger.info(', '.join([left, batch, *shares]))
        self._hint_on_batch(rows)

    def _hint_on_batch(self, rows: int | None = None) -> None:
        runner = self.runner
        batch = batch_of(self.dataloader, runner.optim_wrapper)
        hint = batch_hint(batch, runner.auto_scale_lr, self._max_iters, rows, self.plan.epochs)
        if hint:
            scaled = runner.auto_scale_lr.get('enable')
            runner.logger.log(logging.INFO if scaled else logging.WARNING, hint)
