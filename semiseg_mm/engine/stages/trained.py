import os
import os.path as osp
import re
from collections.abc import Sequence

from mmengine.config import Config

from semiseg_mm.engine.checkpoint import checkpoints, safe_load
from semiseg_mm.engine.hooks.atomic_checkpoint_hook import milestone_steps
from semiseg_mm.engine.hooks.result_hook import EARLY
from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.engine.train_plan import plan_of
from semiseg_mm.errors import UserError
from semiseg_mm.utils import read_record

from .stage import Stage


class Trained(Stage):
    """Know the checkpoints of a training: which it shall leave in its folder, and which are whole.

    TrainStage, which makes them, says its configs and the network that predicts.
    """

    milestones: Sequence[float]
    own_cfg: Config
    cfg: Config
    _counted: int | None  # iterations of epochs, once they are counted

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
        kept = [*map(osp.basename, self.kept_checkpoints()), *self.results()]
        return [*kept, 'results.json'] if self._record() else kept

    def results(self) -> list[str]:
        """Return the best checkpoints that label stages ask for; damage looks at the last ones."""
        users = [one for one in self.run.stages.values() if getattr(one, 'select', '') == 'best']
        networks = [one.network for one in users if one.teacher == self.name]
        return sorted({osp.basename(self._best_path(network)) for network in networks})

    def fingerprint(self) -> str:
        return weights_hash(self.checkpoint())

    def checkpoint(self, select: str = 'last', network: str | None = None) -> str:
        """Return the checkpoint of the last iteration, or that in which a network was best."""
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
        return osp.join(self.folder, f'iter_{self.last_iteration}.pth')

    @property
    def last_iteration(self) -> int:
        return self._early_end() or self.max_iters

    def _early_end(self) -> int | None:
        """Return the iteration in which a hook ended the training, if one did."""
        return self._record().get(EARLY)

    def _record(self) -> dict:
        advice = f'move {self.folder} away to do this stage again'
        return read_record(self.path('results.json'), advice)

    def kept_checkpoints(self) -> list[str]:
        """Return those of the milestones, then the last one."""
        steps = [step for step in self._milestone_steps if step <= self.last_iteration]
        return [*(osp.join(self.folder, f'iter_{step}.pth') for step in steps), self.last_path]

    @property
    def _milestone_steps(self) -> list[int]:
        counts = self.own_cfg.optim_wrapper.get('accumulative_counts', 1)
        return milestone_steps(self.milestones, self.max_iters, counts)

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
