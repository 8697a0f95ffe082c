import shutil
from contextlib import contextmanager

import pytest

from semiseg_mm.testing.stages import run_stages, toy_stages


@contextmanager
def without_ornaments():
    """Leave out what takes most of a toy run: laying out its config, collecting garbage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (f'{text}\n', True))
        patch.setattr('gc.collect', lambda *_: 0)
        yield


@pytest.fixture(autouse=True)
def always_quick():
    with without_ornaments():
        yield


@pytest.fixture(scope='session')
def train_quickly():
    """For fixtures that are made once; the function is ``run_stages``."""

    def train(cfg):
        with without_ornaments():
            run_stages(cfg)

    return train


@pytest.fixture(scope='session')
def finished(train_quickly, tmp_path_factory):
    """All of ST++, undisturbed; use ``work_dir`` to change it."""
    folder = tmp_path_factory.mktemp('finished') / 'run'
    train_quickly(toy_stages(folder))
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')
