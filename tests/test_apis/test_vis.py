"""--vis adds places where a training logs; its own files stay."""

from types import SimpleNamespace

import pytest

from semiseg_mm.apis import run_train, vis
from semiseg_mm.engine import MLflowPngBackend
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config


def kinds(cfg):
    return [one['type'] for one in cfg.visualizer.vis_backends]


def test_the_local_files_stay(monkeypatch):
    monkeypatch.setattr(vis, 'find_spec', lambda name: True)
    cfg = toy_config('work_dirs/mine', dict(type='SupOnly'))
    before = cfg.pretty_text
    vis.add_backends(cfg, [])
    assert cfg.pretty_text == before
    vis.add_backends(cfg, ['tensorboard', 'wandb', 'mlflow'])
    everything = ['LocalVisBackend', *vis.BACKENDS.values()]
    assert kinds(cfg) == everything
    assert cfg.visualizer.vis_backends[2]['init_kwargs']['name'] == 'mine'
    vis.add_backends(cfg, ['wandb'])
    assert kinds(cfg) == everything


def test_a_missing_package_is_one_sentence(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(vis, 'find_spec', lambda name: None)
    cfg = toy_config(tmp_path, dict(type='SupOnly'))
    with pytest.raises(UserError, match='pip install mlflow'):
        vis.add_backends(cfg, ['mlflow'])
    cfg.dump(tmp_path / 'config.py')
    assert run_train([str(tmp_path / 'config.py'), '--vis', 'wandb']) == 1
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('error: --vis wandb: the package wandb is not installed')


def test_pictures_for_mlflow_are_pngs_one_a_step(tmp_path):
    logged = []
    backend = MLflowPngBackend(str(tmp_path))
    backend._env_initialized = True
    backend._mlflow = SimpleNamespace(log_image=lambda image, name: logged.append(name))
    for step in (5, 10):
        backend.add_image('views', None, step)
    assert logged == ['views_000005.png', 'views_000010.png']
