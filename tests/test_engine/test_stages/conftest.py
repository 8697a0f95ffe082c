import shutil

import pytest

from semiseg_mm.testing.stages import run_stages, toy_stages


@pytest.fixture(scope='session')
def quick():
    """Without what takes most of a toy run: configs laid out nicely, garbage collected."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))
        patch.setattr('gc.collect', lambda *_: 0)
        yield


@pytest.fixture(autouse=True)
def always_quick(quick):
    pass


@pytest.fixture(scope='session')
def finished(quick, tmp_path_factory):
    """All of ST++, undisturbed; use ``work_dir`` to change it."""
    folder = tmp_path_factory.mktemp('finished') / 'run'
    run_stages(toy_stages(folder))
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')
