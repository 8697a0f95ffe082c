import gc
import json
import os
import os.path as osp
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from torch import nn

from semiseg_mm.engine.checkpoint import checkpoints, safe_load
from semiseg_mm.engine.keys import of_training
from semiseg_mm.engine.rewriting import FOLDERS, make_sup_only, use_labels
from semiseg_mm.engine.train_plan import check_plan
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.sketch import sketch
from semiseg_mm.registry import RUNNERS, STAGES
from semiseg_mm.utils import atomic_path, check_count

from .checks import check_training
from .plan import Task
from .trained import Trained


@STAGES.register_module()
class TrainStage(Trained):
    """Do an ordinary, resumable run of SemiRunner in the stage's own folder.

    Its config is the run's, with ``cfg`` merged in (``_delete_`` works as in config files).

    Args:
        cfg: What differs: model, data, schedule, hooks, …
        sup_only: Train on the labeled images alone, as ``semiseg_mm train --sup-only``.
        labels: Label stages (or folders of label maps) whose images and labels take the place of
            the unlabeled source; of an image that several have labeled, the first one counts.
        confidence: Load the stored confidences too, for ``soft`` labels.
        filters: Transforms of the labels, such as ``dict(type='IgnoreUncertain', threshold=0.9)``.
        init: A training stage whose weights this one starts from. A method with other networks
            gets those of the network that predicts, in each of its own. Where shapes differ
            (another number of classes) the weights stay as initialised. A stage with repeat=True
            that names itself starts from its own former round.
        milestones: Shares of the iterations at which a checkpoint is kept: (1 / 3, 2 / 3).
        seed: It is added to the run's seed, so that trainings of the same settings differ.
    """

    def __init__(
        self,
        name: str,
        cfg: dict | None = None,
        sup_only: bool = False,
        labels: Sequence[str] = (),
        confidence: bool = False,
        filters: Sequence[dict] = (),
        init: str | None = None,
        milestones: Sequence[float] = (),
        seed: int = 0,
    ) -> None:
        super().__init__(name)
        if sup_only and labels:
            raise UserError(
                f"Stage '{name}': with sup_only=True no unlabeled image is seen, so its labels "
                'cannot be used: leave out one of the two.'
            )
        self.override = cfg or {}
        self.sup_only = sup_only
        self.labels = [labels] if isinstance(labels, str) else list(labels)
        self.filters = list(filters)
        self.confidence = confidence or bool(filters)
        self.init = init
        self.milestones = list(milestones)
        check_count('seed', seed, f"Stage '{name}'")
        self.seed = seed
        self._sketch: tuple[str, nn.Module] | None = None
        self._counted: int | None = None

    @property
    def own_cfg(self) -> Config:
        """Return the run's config with this stage's values, and the run's unlabeled source."""
        return self.run.stage_config(self.override)

    def check(self) -> None:
        if self.init:
            self.run.training(self.init)
        cfg = self.cfg
        try:
            check_plan(cfg)
        except UserError as error:
            raise UserError(f"Stage '{self.name}': {error}") from error
        check_training(self)

    def sketch(self) -> nn.Module:
        """Build the model for its options, names and shapes; its weights mean nothing."""
        cfg = self.cfg.model
        key = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
        if self._sketch is None or self._sketch[0] != key:
            self._sketch = key, sketch(cfg)
        return self._sketch[1]

    @property
    def cfg(self) -> Config:
        """Return the config of the training."""
        cfg = self.own_cfg
        dataset = cfg.train_dataloader.dataset
        if self.sup_only:
            cfg = make_sup_only(cfg)
            cfg.train_dataloader.dataset.unlabeled = None
        if self.labels:
            sources = [self.run.labels(name, self.confidence) for name in self.labels]
            use_labels(dataset, sources, self._placed(self.filters))
        if self.milestones:
            cfg.default_hooks.checkpoint.milestones = self.milestones
        if self.seed and (cfg.get('randomness') or {}).get('seed') is not None:
            cfg.randomness.seed += self.seed
        cfg.runner_type = 'SemiRunner'
        cfg.work_dir = self.folder
        cfg.stage = dict(name=osp.basename(self.folder), config=self.run.cfg.filename)
        return cfg

    def task(self) -> Task:
        cfg = self.cfg
        what = f'trains {cfg.model.type}'
        what += f' on the labels of {" and ".join(self.labels)}' if self.labels else ''
        what += f', from the weights of {self.init}' if self.init else ''
        counted = not self.labels or cfg.train_cfg.get('epochs') is None
        known = counted or self.manifest().get('status') == 'done'
        return Task(what, self.max_iters if known else None, 'iterations')

    def key(self) -> dict[str, Any]:
        cfg = self.cfg.to_dict()
        images = self.run.images_of(cfg['train_dataloader']['dataset'])
        used = {name: self.run.labels_fingerprint(name) for name in self.labels}
        if self.init:
            used[self.init] = self.run.training(self.init).fingerprint()
            cfg.pop('load_from', None)
        cfg = of_training(cfg)
        if self.labels:  # their folders move with the run
            source = cfg['train_dataloader']['dataset']['unlabeled']
            for option in FOLDERS:
                source.pop(option, None)
            for step in source['pipeline']:
                if str(step.get('thresholds')).startswith(self.run.work_dir):
                    step['thresholds'] = osp.relpath(step['thresholds'], self.run.work_dir)
        return dict(config=cfg, milestones=self.milestones, uses=used, images=images)

    def _placed(self, filters: list[dict]) -> list[dict]:
        """Fill in paths of thresholds that are named by their stage: 'labels/thresholds.json'."""
        placed = []
        for step in filters:
            name, _, file = str(step.get('thresholds')).partition('/')
            if name in self.run.stages:
                step = dict(step, thresholds=self.run.stages[name].path(file))
            placed.append(step)
        return placed

    def execute(self) -> dict:
        if is_main_process():
            self._go_back()
        barrier()
        cfg = self.cfg
        cfg.resume = bool(checkpoints(self.folder))
        if cfg.resume:
            cfg.load_from = None
        elif self.init:
            cfg.load_from = self._start()
        runner = RUNNERS.get('SemiRunner').from_cfg(cfg)
        runner.train()
        del runner
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return dict(checkpoint=osp.basename(self.checkpoint()))

    def _start(self) -> str:
        """Return the checkpoint of ``init``; for other networks a plain one, which each loads."""
        source = self.run.training(self.init)
        if self.sketch().networks.keys() == source.sketch().networks.keys():
            return source.last_path
        path, prefix = self.path('init.pth'), f'{PREFIX}{source.network()}.'
        if is_main_process():
            found = safe_load(source.last_path)['state_dict'].items()
            plain = {k.removeprefix(prefix): v for k, v in found if k.startswith(prefix)}
            with atomic_path(path) as part:
                torch.save(dict(state_dict=plain), part)
        barrier()
        return path

    def _go_back(self) -> None:
        """Set aside what is later than a milestone that is missing, so that it is passed again."""
        found = checkpoints(self.folder)
        passed = [step for step in self._milestone_steps if step < max(found, default=0)]
        lost = [step for step in passed if step not in found]
        for step, path in found.items():
            if lost and step > min(lost):
                os.rename(path, f'{path}.old')

    def network(self) -> str:
        """Return the name of the network that predicts."""
        return self.sketch().predict_on
