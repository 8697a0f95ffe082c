import json
import os.path as osp
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from numbers import Real

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from semiseg_mm.engine.facts import (
    changed_facts,
    evaluation_facts,
    image_facts,
    machine_facts,
    network_facts,
    training_facts,
)
from semiseg_mm.engine.versions import package_versions
from semiseg_mm.records import FORM, NAME, append_records
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import atomic_write_text, unwrapped

EARLY = 'stopped_early'  # the iteration in which a hook ended the training
NOTES = (EARLY, 'skipped_steps')  # of message_hub, in the record if there is something to say
RUN = 'run'  # the facts of a training, in a checkpoint's meta


@HOOKS.register_module()
class ResultHook(Hook):
    """Write what a run came to: ``results.json``, and a line of ``records.jsonl`` a score.

    ``results.json`` has for each network and metric the last value and the best, apart;
    ``per_class`` has the last IoU of each class, ``history`` all validations, ``run`` what was
    trained. The history is part of the checkpoint, so a resumed run reports what the whole run
    did. Records hold the same facts in each line, so that they can be compared without the run;
    a test writes them, too, with the facts that its checkpoint holds.
    """

    priority = 'LOW'
    writes = 'results.json'

    def __init__(self) -> None:
        self._started: float | None = None
        self._before = 0.0  # seconds of the run that is resumed
        self._run: dict | None = None  # facts of the training, and of each network
        self._meta: dict = {}  # of the checkpoint that was loaded
        self._evaluation: dict | None = None

    def before_train(self, runner) -> None:
        self._started = time.time()
        if is_main_process():  # while the files that are hashed are there
            self._run = self._facts(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['message_hub']['runtime_info']['train_seconds'] = self._seconds()
        if self._run is not None:
            checkpoint['meta'][RUN] = self._run

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        info = checkpoint.get('message_hub', {}).get('runtime_info', {})
        self._before = info.get('train_seconds', 0.0) if runner._resume else 0.0
        self._meta = dict(checkpoint.get('meta') or {}, early=info.get(EARLY))

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        if not metrics or self._started is None:
            return
        history = list(runner.message_hub.runtime_info.get('evaluations', []))
        history = [entry for entry in history if entry[0] != runner.iter]
        history.append([runner.iter, _numbers(metrics)])
        runner.message_hub.update_info('evaluations', history)
        self.write(runner)

    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Record a test; less is known where the checkpoint does not say what it was trained on."""
        if metrics and is_main_process():
            self._append(runner, 'test', _numbers(metrics))

    def write(self, runner) -> None:
        """Write what the run has come to."""
        if not is_main_process():
            return
        history = runner.message_hub.runtime_info.get('evaluations', [])
        path = osp.join(runner.work_dir, self.writes)
        atomic_write_text(path, json.dumps(self._record(runner, history), indent=2) + '\n')
        if history and history[-1][0] == runner.iter:
            self._append(runner, 'validation', history[-1][1])

    def _seconds(self) -> float:
        now = time.time()
        return round(self._before + now - (self._started or now), 1)

    # ------------------------------------------------------------------ results.json

    def _record(self, runner, history: list) -> dict:
        config = runner.cfg.filename
        info, machine = runner.message_hub.runtime_info, machine_facts()
        return dict(
            config=osp.basename(config) if config else None,
            seed=runner.seed,
            iter=runner.iter,
            max_iters=runner.max_iters,
            finished=runner.iter in (runner.max_iters, info.get(EARLY)),
            **{key: info[key] for key in NOTES if info.get(key)},
            seconds=self._seconds(),
            networks=last_and_best(history),
            per_class=info.get('per_class', {}),
            history=[dict(iter=iteration, **numbers) for iteration, numbers in history],
            **machine,
            run=self._run,
        )

    # ------------------------------------------------------------------ records.jsonl

    def _facts(self, runner) -> dict:
        """Return what is trained; of a resumed run, with the weights that it once began with."""
        cfg, images = runner.cfg, image_facts(runner.train_dataloader.dataset)
        found = training_facts(cfg, images, runner.world_size, runner.max_iters)
        model = unwrapped(runner.model)
        names = getattr(model, 'evaluated', None) or ['model']
        networks = {name: network_facts(cfg, name) for name in names}
        before = (self._meta.get(RUN) or {}) if runner._resume else {}
        networks.update(before.get('networks', {}))
        if changed := changed_facts(before, found):
            found.update(changed=changed)
        return dict(found, seed=runner.seed, networks=networks)

    def _append(self, runner, kind: str, numbers: dict) -> None:
        run = self._run or self._meta.get(RUN) or _unknown_run(runner, self._meta)
        cfg = Config(dict(runner.cfg, load_from=None)) if kind == 'test' else runner.cfg
        loader = 'val_dataloader' if kind == 'validation' else 'test_dataloader'
        if self._evaluation is None:
            dataset = getattr(runner, loader).dataset
            trained = runner.train_dataloader.dataset if kind == 'validation' else None
            labeled = getattr(trained, 'labeled', trained)
            self._evaluation = evaluation_facts(runner.cfg, loader, dataset, labeled)
        scores: dict[str, dict] = {}
        for key, value in numbers.items():
            network, metric = _split(key)
            scores.setdefault(network, {})[metric] = value
        shared = dict(
            form=FORM,
            kind=kind,
            **{key: value for key, value in run.items() if key != 'networks'},
            **self._moment(runner, kind, run),
            evaluation=self._evaluation,
            seconds=self._seconds() if kind == 'validation' else None,
            **machine_facts(),
            versions=package_versions(),
            time=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        )
        per_class = runner.message_hub.runtime_info.get('per_class', {})
        append_records(
            osp.join(runner.work_dir, NAME),
            [
                dict(
                    shared,
                    evaluated=network,
                    network=run['networks'].get(network) or network_facts(cfg, network),
                    scores=values,
                    per_class=per_class.get(network, {}),
                )
                for network, values in scores.items()
            ],
        )

    def _moment(self, runner, kind: str, run: dict) -> dict:
        """Return the iteration, and whether it is the last one; 'best' was chosen by validation."""
        if kind == 'validation':
            early = runner.message_hub.runtime_info.get(EARLY)
            last = runner.iter in (runner.max_iters, early)
            chosen = 'last' if last else 'passing'
            return dict(iteration=runner.iter, chosen=chosen, checkpoint=None)
        name, iteration = osp.basename(runner._load_from or ''), self._meta.get('iter')
        source = self._meta.get('source') or name  # of a published file
        last = iteration is not None and iteration in (run['iterations'], self._meta.get('early'))
        chosen = 'last' if last else 'best' if source.startswith('best_') else 'passing'
        return dict(iteration=iteration, chosen=chosen, checkpoint=name or None)


def last_and_best(history: Iterable[tuple[int, dict[str, float]]]) -> dict[str, dict]:
    """Return for each network and metric the last value and the best, with their iterations."""
    networks: dict[str, dict] = {}
    for iteration, numbers in history:
        for key, value in numbers.items():
            network, metric = _split(key)
            row = networks.setdefault(network, {}).setdefault(metric, {})
            row.update(last=value, last_iter=iteration)
            if value > row.get('best', float('-inf')):
                row.update(best=value, best_iter=iteration)
    return networks


def is_finished(record: dict) -> bool:
    """Return whether a ``results.json`` is that of a run that came to its end."""
    done = record.get('iter')
    whole = done is not None and done in (record.get('max_iters'), record.get(EARLY))
    return bool(record.get('networks')) and whole


def _numbers(metrics: dict) -> dict[str, float]:
    return {k: round(float(v), 4) for k, v in metrics.items() if isinstance(v, Real)}


def _split(key: str) -> tuple[str, str]:
    network, _, metric = key.rpartition('/')
    return network or 'model', metric


def _unknown_run(runner, meta: dict) -> dict:
    """Return the facts that a config alone tells of a checkpoint that does not say more."""
    split = dict(name=None, labeled=None, unlabeled=None, masks=None)
    images = dict(dataset=None, split=split, labels=None, unlabeled=None)
    return dict(training_facts(runner.cfg, images), seed=meta.get('seed'), networks={})
