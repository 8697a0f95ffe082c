"""The networks that come with the package load by name and are as good as their records say."""

import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from documents import ROOT

import semiseg_mm
from semiseg_mm.apis import cli
from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.trained_files import checkpoint_of, find_files, shipped
from semiseg_mm.engine.checkpoint import CheckpointLoader
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

sys.path.insert(0, str(ROOT / 'tools/dev'))
import results

BATCH = 20


@pytest.fixture(scope='module')
def scenes():
    """Images, blue first, and labels of the validation scenes of Shapes."""
    cfg = load_config('sup-only_unet-s2_1xb8+8-1k_shapes-30-64x64')
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    found = [dataset[k] for k in range(len(dataset))]
    images = [one['inputs'].permute(1, 2, 0).numpy() for one in found]
    return images, np.stack([one['data_samples'].gt_sem_seg.data[0].numpy() for one in found])


def mean_iou(labels: np.ndarray, truth: np.ndarray, classes: int) -> float:
    counts = np.bincount((truth * classes + labels).ravel(), minlength=classes**2)
    counts = counts.reshape(classes, classes)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return 100 * float((counts.diagonal() / union).mean())


@pytest.mark.parametrize('name', [name for name in shipped() if name.startswith('shapes/')])
def test_a_shipped_network_is_as_good_as_its_record_says(name, scenes):
    network = semiseg_mm.load(name)
    images, truth = scenes
    parts = [
        network.predict_arrays(images[k : k + BATCH], confidence=False).label.numpy()
        for k in range(0, len(images), BATCH)
    ]
    found = mean_iou(np.concatenate(parts).astype(np.int64), truth, len(network.classes))
    row, seed = results.shipped_row(name)
    assert found == pytest.approx(row.scores[seed], abs=0.01)
    assert network.classes[1] == 'ball' and row.method == name.split('/')[1]


def test_each_shipped_network_has_a_record():
    assert len(shipped()) >= 7
    for name in shipped():
        row, seed = results.shipped_row(name)
        assert seed in row.scores
        assert 'apache-2.0' in (Path(checkpoint_of(name)).parent / 'MODEL_CARD.md').read_text()


def test_an_unknown_name_tells_those_there_are():
    with pytest.raises(UserError, match=r"shapes/cps_cutmix, .*Did you mean 'shapes/fixmatch'"):
        semiseg_mm.load('shapes/fixmatsch')


def test_what_lies_here_comes_before_a_shipped_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checkpoint_of('shapes/ael').endswith('weights/shapes/ael/model.pth')
    Path('shapes/ael').mkdir(parents=True)
    for find in (checkpoint_of, lambda name: find_files(name, None)):
        with pytest.raises(UserError, match='shapes/ael holds no checkpoint'):
            find('shapes/ael')


def test_a_config_may_start_from_a_shipped_network():
    place = 'package://semiseg_mm/measured/weights/shapes/ael/model.pth'
    assert CheckpointLoader.load_checkpoint(place)['meta']['network'] == 'student'


def test_a_shipped_network_is_tested_by_its_name(monkeypatch):
    configs = []
    monkeypatch.setattr(cli, 'build_runner', lambda cfg: configs.append(cfg) or Mock())
    assert cli.run_test(['cps-cutmix_unet-s2_1xb8+8-1k_shapes-30-64x64', 'shapes/cps_cutmix']) == 0
    assert configs[0].load_from.endswith('weights/shapes/cps_cutmix/model.pth')
    assert configs[0].test_cfg.network == 'net_0'  # net_1 would have the same weights
