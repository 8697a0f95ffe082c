import shutil

import pytest

from semiseg_mm.testing.stages import run_stages, toy_stages


@pytest.fixture(scope='session')
def finished(tmp_path_factory):
    """All of ST++, undisturbed; use ``work_dir`` to change it."""
    folder = tmp_path_factory.mktemp('finished') / 'run'
    run_stages(toy_stages(folder))
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')
