import json
from pathlib import Path

from mmengine.config import Config

from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.option_words import parse_options
from semiseg_mm.apis.processes import TrainingProcess
from semiseg_mm.engine.hooks.result_hook import is_finished
from semiseg_mm.engine.keys import GOING_ON, decisive, differences, plain
from semiseg_mm.engine.train_plan import plan_of
from semiseg_mm.errors import UserError

from .methods import Method, find_config


class Training(TrainingProcess):
    """One method of the quickstart, in its config for the embedded dataset."""

    def __init__(self, method: Method, work_dir: Path, options: list[str]) -> None:
        config = find_config(method.config)
        options = [*options, *method.options]
        self.cfg = load_config(str(config), parse_options(options))
        iters, val_interval, *_ = plan_of(self.cfg)
        watch = [
            f'default_hooks.logger.interval={max(1, iters // 100)}',
            f'default_hooks.checkpoint.interval={max(1, iters // 10)}',
        ]
        folder = work_dir / method.key
        self.dumped_config = folder / config.name
        super().__init__(method, folder, config, [*watch, *options], iters, val_interval)
        self._check_settings()

    def _check_settings(self) -> None:
        """A folder is gone on with only under the settings that it was begun with."""
        if not any(self.folder.glob('iter_*.pth')) or not self.dumped_config.is_file():
            return
        before = Config.fromfile(str(self.dumped_config))
        names = (*GOING_ON, 'val_dataloader')
        keys = (plain(decisive(cfg.to_dict(), names)) for cfg in (before, self.cfg))
        changed = list(differences(*keys))
        if changed:
            more = '; …' if len(changed) > 4 else ''
            raise UserError(
                f'{self.folder} holds a training with other settings ({"; ".join(changed[:4])}'
                f'{more}): '
                'choose another --work-dir, or remove that folder.'
            )

    def result(self) -> dict | None:
        """results.json of a finished training: the last value of the network, never the best."""
        record, dumped = self._record(), self.dumped_config.is_file()
        of_this = record.get('max_iters') == self.max_iters and is_finished(record)
        if not (of_this and dumped and self.checkpoint.is_file()):
            return None
        score = record['networks'][self.method.network]['mIoU']
        return dict(mIoU=score['last'], seconds=record['seconds'], seed=record['seed'])

    def _record(self) -> dict:
        file = self.folder / 'results.json'
        return json.loads(file.read_text()) if file.is_file() else {}

    @property
    def checkpoint(self) -> Path:
        """Return the file of the last iteration; a hook may have ended the training early."""
        return self.folder / f'iter_{self._record().get("iter")}.pth'
