import copy
import glob
import json
import os.path as osp

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.dist import get_world_size, is_main_process
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from semiseg_mm.datasets.backends import build_source, with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.identity import files_hash, ids_hash
from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.engine.facts import image_facts, training_facts
from semiseg_mm.engine.keys import identity_of
from semiseg_mm.engine.stages import Stage, expand_rounds
from semiseg_mm.engine.stages.checks import check_prediction
from semiseg_mm.engine.stages.plan import plan_of_stages, time_left
from semiseg_mm.errors import UserError
from semiseg_mm.records import NAME, append_records, read_records
from semiseg_mm.registry import DATASETS, RUNNERS, STAGES
from semiseg_mm.utils import atomic_write_text, nearest, read_record
from semiseg_mm.utils.lock import locked_run

from .processes import join_processes
from .semi_runner import SemiRunner

OWN = ('stages', 'rounds')


@RUNNERS.register_module()
class StagedRunner:
    """Run a list of stages instead of one training: teacher, labels, student, …

    The config is that of an ordinary run, plus ``stages`` (and ``rounds``). Each stage works in a
    folder of its own below ``work_dir`` and is skipped once it is finished, so the same command
    goes on after any interruption. Stages know each other by their names and are joined by files.
    """

    def __init__(self, cfg: Config) -> None:
        if not cfg.get('stages'):
            raise UserError("runner_type='StagedRunner' needs a list of stages in the config.")
        self.cfg = cfg
        self.work_dir = cfg.work_dir
        init_default_scope(cfg.get('default_scope', 'semiseg_mm'))
        join_processes(cfg.get('launcher', 'none'), cfg.get('env_cfg', {}))
        self.logger = MMLogger.get_instance(
            f'stages-{osp.abspath(self.work_dir)}', logger_name='semiseg_mm', log_level='INFO'
        )
        self._images: dict[str, dict] = {}
        stages = expand_rounds(cfg.stages, cfg.get('rounds', 1))
        self.stages: dict[str, Stage] = {}
        for number, stage in enumerate(stages, 1):
            stage = STAGES.build(dict(stage))
            if stage.name in self.stages:
                raise UserError(f"Two stages are called '{stage.name}': give them other names.")
            stage.bind(self, number)
            stage.check()
            if hasattr(stage, 'predictor'):
                check_prediction(stage)
            self.stages[stage.name] = stage

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'StagedRunner':
        return cls(copy.deepcopy(cfg))

    def train(self) -> None:
        with locked_run(self.work_dir):
            for stage in self.stages.values():
                stage.check_data()
            stages = list(self.stages.values())
            if is_main_process():
                self.logger.info(plan_of_stages(stages))
            for number, stage in enumerate(stages, 1):
                already = stage.seconds_taken() is not None
                stage()
                if is_main_process() and not already and number < len(stages):
                    for line in time_left(stages):
                        self.logger.info(line)
            if is_main_process():
                self._write_results()

    def test(self) -> dict:
        """Evaluate ``load_from`` as the last training stage would."""
        cfg = self.last_training.cfg
        cfg.update({key: self.cfg.get(key) for key in ('load_from', 'resume', 'work_dir')})
        return SemiRunner.from_cfg(cfg).test()

    # ------------------------------------------------------------------ what stages ask for

    def stage(self, name: str) -> Stage:
        if name not in self.stages:
            raise UserError(
                f"A stage uses '{name}', but the stages before it are "
                f'{", ".join(self.stages) or "none"}: correct stages in the config.'
                f'{nearest(name, self.stages)}'
            )
        return self.stages[name]

    def training(self, name: str) -> Stage:
        stage = self.stage(name)
        if not hasattr(stage, 'checkpoint'):
            raise UserError(f"A stage wants a network of '{name}', which is no TrainStage.")
        return stage

    def stage_config(self, override: dict) -> Config:
        """Return the run's config, without the stages and with a stage's own values."""
        cfg = copy.deepcopy(self.cfg.to_dict())
        for key in OWN:
            cfg.pop(key, None)
        return Config(Config._merge_a_into_b(copy.deepcopy(override), cfg))

    def labels(self, name: str, confidence: bool = False) -> dict:
        """Return a source of PseudoLabeledDataset: a label stage's, or a folder with label maps."""
        if name in self.stages:
            if hasattr(self.stages[name], 'checkpoint'):
                raise UserError(f"A stage wants labels of '{name}', which is a TrainStage.")
            return self.stages[name].labels(confidence)
        if not osp.isdir(name):
            raise UserError(
                f"labels of a stage name '{name}', which is neither a stage before it "
                f'({", ".join(self.stages)}) nor a folder.{nearest(name, self.stages)}'
            )
        if confidence:
            raise UserError(
                f'A stage with filters or confidence=True trains on the folder {name}, which has '
                'no confidences: leave these options out.'
            )
        return dict(label_dir=name)

    def labels_fingerprint(self, name: str) -> str:
        if name in self.stages:
            return self.stages[name].fingerprint()
        files = glob.glob(osp.join(glob.escape(name), '**/*.png'), recursive=True)
        names = sorted(osp.relpath(file, name) for file in files)
        return files_hash([osp.join(name, one) for one in names]) + ids_hash(names)

    def unlabeled_of(self, stage: Stage) -> dict:
        """Return the config of the unlabeled images that a training stage knows."""
        dataset = apply_split(stage.own_cfg.train_dataloader.dataset.to_dict())
        if not dataset.get('unlabeled'):
            raise UserError(
                f"Stage '{stage.name}' shall predict unlabeled images, but "
                'train_dataloader.dataset.unlabeled is not set.'
            )
        return with_backend(dataset['unlabeled'], dataset.get('backend_args'))

    def labeled_of(self, stage: Stage) -> BaseDataset:
        """Return the labeled source of a training stage."""
        dataset = apply_split(stage.own_cfg.train_dataloader.dataset.to_dict())
        return build_source(with_backend(dataset['labeled'], dataset.get('backend_args')))

    def images_of(self, dataset: dict) -> dict:
        """Return hashes of the images (and their labels) that a SemiDataset config means."""
        check_paths(dataset, 'train_dataloader.dataset')
        dataset, found = apply_split(dataset), {}
        for source in ('labeled', 'unlabeled'):
            cfg = dataset.get(source)
            if cfg and cfg['type'] != 'PseudoLabeledDataset':
                found[source] = self._identity({**cfg, 'pipeline': []}, source == 'labeled')
        return found

    def _identity(self, cfg: dict, with_labels: bool) -> dict:
        name = json.dumps(cfg, sort_keys=True, default=str)
        if name not in self._images:
            self._images[name] = identity_of(build_source(cfg), with_labels)
        return self._images[name]

    # ------------------------------------------------------------------ the result

    @property
    def last_training(self) -> Stage:
        return [stage for stage in self.stages.values() if hasattr(stage, 'checkpoint')][-1]

    def _write_results(self) -> None:
        last = self.last_training
        path = osp.join(self.work_dir, 'results.json')
        advice = f'move {last.folder} away to do its stage again'
        results = read_record(last.path('results.json'), advice)
        manifests = {stage.name: stage.manifest() for stage in self.stages.values()}
        results['config'] = osp.basename(self.cfg.filename) if self.cfg.filename else None
        results['seconds'] = round(sum(m['seconds'] for m in manifests.values()), 1)
        results['stages'] = [
            dict(name=name, seconds=m['seconds'], **m['result']) for name, m in manifests.items()
        ]
        self._record_result(last, results)
        atomic_write_text(path, json.dumps(results, indent=2) + '\n')
        atomic_write_text(osp.join(self.work_dir, 'last_checkpoint'), last.checkpoint())
        self.logger.info(f'All stages are done. Checkpoint: {last.checkpoint()}; results: {path}')

    def _record_result(self, last: Stage, results: dict) -> None:
        """Record the last training's validations as those of the run, its end as the result."""
        path = last.path(NAME)
        found, _ = read_records([path] if osp.isfile(path) else [])  # older versions wrote none
        own = [one.facts for one in found if one.facts['kind'] == 'validation']
        end = next((facts for facts in own if facts['chosen'] == 'last'), None)
        if end is None:
            return
        trainings = [stage for stage in self.stages.values() if hasattr(stage, 'checkpoint')]
        dataset = DATASETS.build(self.cfg.train_dataloader.dataset.to_dict())
        run = training_facts(self.cfg, image_facts(dataset), get_world_size())
        run.update(
            iterations=end['iterations'],
            total_iterations=sum(stage.last_iteration for stage in trainings),
        )
        results['run'] = dict(results['run'] or {}, **run)
        before = results['seconds'] - end['seconds']  # all that is not of the last training
        records = [dict(one, **run, seconds=round(before + one['seconds'], 1)) for one in own]
        append_records(osp.join(self.work_dir, NAME), records)
