"""The config for a folder of one's own in docs/en/datasets.md, on small images."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from semiseg_mm.apis import run_train

ROOT = Path(__file__).resolve().parents[1]
FAST = ['train_cfg.max_iters=3', 'train_cfg.val_interval=3', 'train_dataloader.num_workers=0']
FAST += ['train_dataloader.dataset.crop_size=(64,64)']
FAST += ['val_dataloader.num_workers=0', 'model.segmentor.backbone.init_cfg=None']
# the example's network with an eighth of its channels: its checkpoints would fill hundreds of MB
FAST += [
    f'model.segmentor.{key}' for key in ('backbone.base_channels=8', 'decode_head.channels=32')
]
FAST += [f'model.segmentor.decode_head.{key}' for key in ('in_channels=256', 'c1_in_channels=32')]


def example() -> str:
    text = (ROOT / 'docs/en/datasets.md').read_text(encoding='utf-8')
    return re.search(r'```python\n(.*?own_folder.*?)```', text, re.DOTALL).group(1)


def draw(folder: Path, count: int, masks: Path | None = None, seed: int = 0) -> None:
    """Images of 60 x 80 pixels with one box of class 1 and one of class 2."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for name in map(str, range(count)):
        mask = np.zeros((60, 80), np.uint8)
        for cls in (1, 2):
            y, x = rng.integers(0, 30), rng.integers(0, 40)
            mask[y : y + 25, x : x + 30] = cls
        image = (60 * mask[..., None] + rng.integers(0, 80, (60, 80, 3))).astype(np.uint8)
        cv2.imwrite(str(folder / f'{name}.jpg'), image)
        if masks:
            masks.mkdir(exist_ok=True)
            cv2.imwrite(str(masks / f'{name}.png'), mask)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder as the repository's root would be, with the example and its data."""
    data = tmp_path / 'data/mine'
    draw(data / 'train', 4, data / 'train_masks', seed=1)
    draw(data / 'unlabeled', 6, seed=2)
    draw(data / 'val', 2, data / 'val_masks', seed=3)
    (tmp_path / 'my_cps.py').write_text(example(), encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    return tmp_path


def test_example_is_short():
    assert len(example().splitlines()) <= 15


def test_example_trains(workplace):
    assert run_train(['my_cps.py', '--cfg-options', *FAST]) == 0
    folder = workplace / 'work_dirs/my_cps'
    assert (folder / 'iter_3.pth').is_file()
    results = json.loads((folder / 'results.json').read_text(encoding='utf-8'))
    assert results['iter'] == 3
    for network in ('net_0', 'net_1'):
        assert 0 < results['networks'][network]['mIoU']['last'] <= 100


def test_a_mask_with_an_unnamed_class_stops_the_example(workplace, capsys):
    mask = workplace / 'data/mine/train_masks/2.png'
    cv2.imwrite(str(mask), np.full((60, 80), 7, np.uint8))
    assert run_train(['my_cps.py', '--cfg-options', *FAST]) == 1
    error = capsys.readouterr().err
    assert '2.png holds the label 7' in error and 'Traceback' not in error


def test_masks_of_0_and_255_stop_the_example(workplace, capsys):
    for file in (workplace / 'data/mine/train_masks').iterdir():
        mask = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(file), (mask > 0).astype(np.uint8) * 255)
    assert run_train(['my_cps.py', '--cfg-options', *FAST]) == 1
    assert 'hold 0 and 255 only, but there are 3 classes' in capsys.readouterr().err
    cv2.imwrite(str(file), np.full((60, 80, 3), (0, 0, 200), np.uint8))
    assert run_train(['my_cps.py', '--cfg-options', *FAST, 'resume=False']) == 1
    assert 'is a mask of colours (60x80x3)' in capsys.readouterr().err
