import os
from gc import collect

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np
import pytest
import torch
from browser import FOUND, Browser
from mmengine.registry import init_default_scope
from yapf.yapflib.yapf_api import FormatCode

import semiseg_mm.engine  # noqa: F401  (registers everything, and the safe loaders)

torch.set_num_threads(1)
cv2.setNumThreads(0)  # forked processes hold no threads: OpenCV's would be waited for in vain


@pytest.fixture(scope='session', autouse=True)
def without_ornaments():
    """Leave out what takes most of a toy run: laying out its config, collecting garbage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (f'{text}\n', True))
        patch.setattr('gc.collect', lambda *_: 0)
        yield


@pytest.fixture
def with_ornaments(without_ornaments, monkeypatch):
    """For a test that needs them."""
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', FormatCode)
    monkeypatch.setattr('gc.collect', collect)


@pytest.fixture(scope='session')
def browser(tmp_path_factory):
    """A Chromium for all tests that look at pages; they are skipped where there is none."""
    if FOUND is None:
        pytest.skip('there is no Chromium here')
    with Browser(tmp_path_factory.mktemp('profile')) as one:
        yield one


@pytest.fixture(autouse=True)
def default_scope():
    """Types resolve as in a run."""
    init_default_scope('semiseg_mm')


@pytest.fixture
def make_folder(tmp_path):
    """Writes img/k.jpg with ann/k.png, and more/uk.jpg without masks; returns the folder."""

    def write(labeled: int, unlabeled: int, size: tuple[int, int], classes: int):
        rng = np.random.default_rng(0)
        for part in ('img', 'ann', 'more'):
            (tmp_path / part).mkdir()
        for index in range(labeled):
            image, mask = rng.integers(0, 256, (*size, 3)), rng.integers(0, classes, size)
            cv2.imwrite(str(tmp_path / f'img/{index}.jpg'), image.astype(np.uint8))
            cv2.imwrite(str(tmp_path / f'ann/{index}.png'), mask.astype(np.uint8))
        for index in range(unlabeled):
            image = rng.integers(0, 256, (*size, 3))
            cv2.imwrite(str(tmp_path / f'more/u{index}.jpg'), image.astype(np.uint8))
        return tmp_path

    return write
