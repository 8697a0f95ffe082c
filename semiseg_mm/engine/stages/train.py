import gc
import json
import os
import os.path as osp
import re
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import barrier, is_main_process
from torch import nn

from semiseg_mm.engine.checkpoint import checkpoints, safe_load
from semiseg_mm.engine.hooks.atomic_checkpoint_hook import milestone_steps
from semiseg_mm.engine.hooks.result_hook import EARLY
from semiseg_mm.engine.keys import of_training, weights_hash
from semiseg_mm.engine.rewriting import FOLDERS, make_sup_only, use_labels
from semiseg_mm.engine.train_plan import check_plan, plan_of
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.sketch import sketch
from semiseg_mm.registry import RUNNERS, STAGES
from semiseg_mm.utils import atomic_path, read_record

from .checks import check_training
from .plan import Task
from .stage import Stage


@STAGES.register_module()
class TrainStage(Stage):
    """An ordinary, resumable run of SemiRunner in the stage's own folder.

    Its config is the run's, with ``cfg`` merged in (``_delete_`` works as in config files).

    Args:
        cfg: What differs: model, data, schedule, hooks, …
        sup_only: Train on the labeled images alone, as ``tools/train.py --sup-only``.
        labels: Label stages (or folders of label maps) whose images and labels take the place of
            the unlabeled source; of an image that several have labeled, the first one counts.
        confidence: Load the stored confidences too, for ``soft`` labels.
        filters: Transforms of the labels, such as ``dict(type='IgnoreUncertain', threshold=0.9)``.
        init: A training stage whose weights this one starts from. A method with other networks
            gets those of the network that predicts, in each of its own. Where shapes differ
            (another number of classes) the weights stay as initialised. A stage with repeat=True
            that names itself starts from its own former round.
        milestones: Shares of the iterations at which a checkpoint is kept: (1 / 3, 2 / 3).
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
        self._sketch: tuple[str, nn.Module] | None = None
        self._counted: int | None = None

    @property
    def own_cfg(self) -> Config:
        """The run's config with this stage's values; its unlabeled source is still that."""
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
        """The model for its options, names and shapes; its weights mean nothing."""
        cfg = self.cfg.model
        key = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
        if self._sketch is None or self._sketch[0] != key:
            self._sketch = key, sketch(cfg)
        return self._sketch[1]

    @property
    def cfg(self) -> Config:
        """The config of the training."""
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
        cfg.runner_type = 'SemiRunner'
        cfg.work_dir = self.folder
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
        """With the paths of thresholds that are named by their stage: 'labels/thresholds.json'."""
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
        """The checkpoint of ``init``; for other networks a plain one, which each of them loads."""
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
        kept = milestone_steps(self.milestones, self.max_iters)
        lost = [step for step in kept if step < max(found, default=0) and step not in found]
        for step, path in found.items():
            if lost and step > min(lost):
                os.rename(path, f'{path}.old')

    def damage(self) -> str | None:
        best = [name for name in self.results() if self.manifest().get('files', {}).get(name)]
        for path in [*self.kept_checkpoints(), *map(self.path, best)]:
            try:
                safe_load(path)
                continue
            except FileNotFoundError:
                text = f'{osp.basename(path)} is gone'
            except UserError as error:
                os.rename(path, f'{path}.bad')
                text = f'{osp.basename(path)} cannot be used ({error})'
            if osp.basename(path) in best:  # only all of the training brings it back
                for later in checkpoints(self.folder).values():
                    os.rename(later, f'{later}.old')
            return text
        return None

    def files(self) -> list[str]:
        return [*map(osp.basename, self.kept_checkpoints()), *self.results()]

    def results(self) -> list[str]:
        """The best checkpoints that label stages ask for; 'last' ones are looked at by damage."""
        users = [one for one in self.run.stages.values() if getattr(one, 'select', '') == 'best']
        networks = [one.network for one in users if one.teacher == self.name]
        return sorted({osp.basename(self._best_path(network)) for network in networks})

    def fingerprint(self) -> str:
        return weights_hash(self.checkpoint())

    def checkpoint(self, select: str = 'last', network: str | None = None) -> str:
        """The checkpoint of the last iteration, or the one in which a network validated best."""
        if select == 'best':
            return self._best(network)
        if not osp.exists(self.last_path):
            raise UserError(
                f"{self.last_path} does not exist: stage '{self.name}' did not finish, or the file "
                'was moved.'
            )
        return self.last_path

    @property
    def last_path(self) -> str:
        return osp.join(self.folder, f'iter_{self._early_end() or self.max_iters}.pth')

    def _early_end(self) -> int | None:
        """Return the iteration in which a hook ended the training, if one did."""
        return self._record().get(EARLY)

    def _record(self) -> dict:
        advice = f'move {self.folder} away to do this stage again'
        return read_record(self.path('results.json'), advice)

    def kept_checkpoints(self) -> list[str]:
        """Those of the milestones, then the last one."""
        end = self._early_end() or self.max_iters
        steps = [step for step in milestone_steps(self.milestones, self.max_iters) if step <= end]
        return [*(osp.join(self.folder, f'iter_{step}.pth') for step in steps), self.last_path]

    @property
    def max_iters(self) -> int:
        """Return the iterations, typed or counted from epochs; labels to train on must be there.

        A finished training keeps its number, on however many processes the run goes on.
        """
        if self.own_cfg.train_cfg.get('epochs') is None:
            return int(self.own_cfg.train_cfg.max_iters)
        manifest = self.manifest()
        made = str((manifest.get('result') or {}).get('checkpoint'))
        if manifest.get('status') == 'done' and (found := re.fullmatch(r'iter_(\d+)\.pth', made)):
            return int(self._record()['max_iters']) if self._early_end() else int(found[1])
        if self._counted is None:
            self._counted = plan_of(self.cfg).max_iters
        return self._counted

    def _best_path(self, network: str | None) -> str:
        metric = (self.cfg.default_hooks.get('checkpoint') or {}).get('save_best')
        return self.path(f'best_{network or self.network()}_{metric}.pth')

    def _best(self, network: str | None) -> str:
        path = self._best_path(network)
        if not osp.exists(path):
            raise UserError(
                f"{path} does not exist: select='best' needs default_hooks.checkpoint.save_best "
                'and a validation during the training. This one is finished: set both, move '
                f'{self.folder} away, and run the command again to train it anew.'
            )
        return path

    def network(self) -> str:
        """The network that predicts."""
        return self.sketch().predict_on
