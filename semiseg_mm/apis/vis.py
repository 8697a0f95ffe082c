"""``--vis``: sends what a training logs to TensorBoard, Weights & Biases or MLflow as well."""

import os
import os.path as osp
from collections.abc import Sequence
from importlib.util import find_spec

from mmengine.config import Config, ConfigDict

from semiseg_mm.errors import UserError
from semiseg_mm.parsers.training import BACKENDS

LOCAL = 'LocalVisBackend'  # it writes scalars.json, which compare and quickstart read
PROJECT = 'semiseg_mm'


def add_backends(cfg: Config, names: Sequence[str]) -> None:
    """Add back ends to the visualizer of a config; its local one stays."""
    if not names:
        return
    visualizer = cfg.setdefault('visualizer', ConfigDict(type='SegLocalVisualizer'))
    found = list(visualizer.get('vis_backends') or [])
    kinds = [one.get('type') for one in found]
    if LOCAL not in kinds:
        found.insert(0, dict(type=LOCAL))
    for name in names:
        if find_spec(name) is None:
            raise UserError(
                f'--vis {name}: the package {name} is not installed: pip install {name}, or leave '
                'the option out.'
            )
        if BACKENDS[name] not in kinds:
            found.append(dict(type=BACKENDS[name], **_named(name, cfg.work_dir)))
    visualizer.vis_backends = found


def _named(name: str, work_dir: str) -> dict:
    """Return how a run is called where runs of several trainings stand together."""
    run = osp.basename(osp.normpath(work_dir))
    return dict(
        tensorboard={},
        wandb=dict(init_kwargs=dict(project=PROJECT, name=run)),
        mlflow=dict(
            exp_name=PROJECT,
            run_name=run,
            # MLflow 3 refuses mmengine's default, a folder; this is MLflow's own
            tracking_uri=os.environ.get('MLFLOW_TRACKING_URI', 'sqlite:///mlflow.db'),
        ),
    )[name]
