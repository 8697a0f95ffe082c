from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.compare.plan import plan_runs
from semiseg_mm.apis.compare.run import Label, Run, describe
from semiseg_mm.apis.compare.settings import find_split
from semiseg_mm.engine.train_plan import settle
from semiseg_mm.records.measured import measured

LEAF = '{}_unet-s2_1xb8+8-1k_shapes-30-64x64'  # of configs/


class Method(NamedTuple):
    key: str  # also the name of its folder
    title: str
    config: str
    network: str  # the one that is reported and drawn
    cost: float  # of an iteration, in iterations of SupOnly: for the time left, and the order
    options: dict[str, Any] = {}


METHODS = (
    Method('sup_only', 'SupOnly', LEAF.format('sup-only'), 'student', 1),
    Method('mean_teacher', 'Mean Teacher', LEAF.format('mean-teacher'), 'teacher', 2.6),
    Method('cps_cutmix', 'CPS + CutMix', LEAF.format('cps-cutmix'), 'net_0', 4.7),
)
ALL = {'train_dataloader.dataset.labeled.num_images': 1000}
FULL_LABELS = METHODS[0]._replace(key='full_labels', title='full labels', options=ALL)


class Trained(NamedTuple):
    """A method and its run, which may still be going on."""

    method: Method
    run: Run

    @property
    def score(self) -> float | None:
        """Return the last mIoU of the reported network, never the best; None before the end."""
        found = self.run.result()
        return found and found['networks'][self.method.network]['mIoU']['last']


def plan(
    methods: Sequence[Method], options: dict, seed: int | None, work_dir: Path
) -> list[Trained]:
    """Return each method with its run: one leaf and one seed each."""
    configs, about = {}, {}
    for method in methods:
        configs[method.key] = cfg = load_config(method.config, {**options, **method.options})
        settle(cfg)
        about[method.key] = describe(cfg, f'{method.config}.py', find_split(cfg), 'mIoU')
    if seed is None:
        seed = configs[methods[0].key].randomness.get('seed') or 0
    labels = {method.key: Label(method.key, method.title, method.cost) for method in methods}
    runs = plan_runs(configs, about, [seed], work_dir, labels)
    return [Trained(method, run) for method, run in zip(methods, runs)]


def load_reference() -> dict:
    """Return what was measured beforehand with all labels: mean and spread over its seeds."""
    row = measured('shapes')['sup_only_all_labels'][0]
    return dict(mIoU=row.mean, std=row.std, labels=row.facts['labels'], seeds=len(row.scores))
