"""What the config of docs/en/datasets.md for a folder of one's own means, on small images."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from semiseg_mm.registry import DATASETS, MODELS

ROOT = Path(__file__).resolve().parents[2]


def example() -> str:
    text = (ROOT / 'docs/en/datasets.md').read_text(encoding='utf-8')
    return re.search(r'```python\n(.*?own_folder.*?)```', text, re.DOTALL).group(1)


@pytest.fixture
def cfg(tmp_path, monkeypatch):
    image, mask = np.full((40, 60, 3), 90, np.uint8), np.zeros((40, 60), np.uint8)
    mask[10:20], mask[:5] = 1, 255
    for folder, count in dict(train=3, val=2, unlabeled=4).items():
        for k in range(count):
            inner = 'deep/' if folder == 'unlabeled' else ''
            file = tmp_path / f'data/mine/{folder}/{inner}{k}.jpg'
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), image)
            if not inner:
                file = tmp_path / f'data/mine/{folder}_masks/{k}.png'
                file.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(file), mask)
    (tmp_path / 'mine.py').write_text(example(), encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    return Config.fromfile('mine.py')


def test_roots_classes_and_palette_are_the_leafs(cfg):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (3, 4)
    assert dataset.metainfo['classes'] == ('field', 'road', 'tree')
    assert dataset.metainfo['palette'] == [[0, 0, 0], [128, 64, 128], [0, 128, 0]]
    label = dataset[0]['labeled']['data_samples'].gt_sem_seg.data
    assert label.shape == (1, 512, 512) and {0, 1, 255} == set(label.unique().tolist())
    assert 'gt_sem_seg' not in dataset[3]['weak']['data_samples']


def test_val_loader_and_model_have_the_same_classes(cfg):
    cfg.val_dataloader.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(cfg.val_dataloader)
    assert len(loader) == 2 and loader.dataset.metainfo['classes'] == ('field', 'road', 'tree')
    label = next(iter(loader))['data_samples'][0].gt_sem_seg.data
    assert set(label.unique().tolist()) == {0, 1, 255}
    assert MODELS.get(cfg.model.type) and cfg.model.num_classes == 3


def test_other_roots(cfg, tmp_path):
    """Unlabeled images from elsewhere, by an absolute path."""
    elsewhere = tmp_path / 'elsewhere'
    (tmp_path / 'data/mine/unlabeled').rename(elsewhere)
    cfg.train_dataloader.dataset.unlabeled.img_path = str(elsewhere)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert dataset.num_unlabeled == 4 and set(dataset[3]) == {'weak'}
