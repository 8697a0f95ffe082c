"""What tests of converters share: files as datasets have them, and a leaf over a base config."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from semiseg_mm.registry import DATASETS

BASES = Path(__file__).resolve().parents[3] / 'configs/_base_/datasets'
LEAF = """
_base_ = {base!r}
train_dataloader = dict(dataset=dict(views=dict(weak=[]), **{train!r}))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(data_root={root!r}))
"""


@pytest.fixture
def load(tmp_path) -> Callable:
    """Builds a base config's training data and val loader, over another data_root."""

    def _load(name: str, root: Path, split: str | None = None):
        sources = {key: dict(data_root=str(root)) for key in ('labeled', 'unlabeled')}
        train = dict(sources, split=split) if split else sources
        leaf = tmp_path / f'{name}_leaf.py'
        base = str(BASES / f'{name}.py')
        leaf.write_text(LEAF.format(base=base, train=train, root=str(root)), encoding='utf-8')
        cfg = Config.fromfile(leaf)
        return DATASETS.build(cfg.train_dataloader.dataset), Runner.build_dataloader(
            cfg.val_dataloader
        )

    return _load


@pytest.fixture
def draw() -> Callable:
    """Writes an image or a mask (palette: as a palette PNG); returns its path."""

    def _draw(path: Path, array=None, palette=None, size: tuple[int, int] = (24, 32)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if array is None:
            array = np.full((*size, 3), 90, np.uint8)
            assert cv2.imwrite(str(path), array)
            return path
        image = Image.fromarray(np.asarray(array, np.uint8))
        if palette is not None:
            image.putpalette(np.asarray(palette, np.uint8).tobytes())
        image.save(path)
        return path

    return _draw


@pytest.fixture
def ids_of() -> Callable:
    """The set of ids in a label map on disk, or in a sample."""

    def _ids_of(source) -> set[int]:
        if isinstance(source, (str, Path)):
            with Image.open(source) as image:
                return set(np.unique(np.asarray(image)).tolist())
        return set(source.gt_sem_seg.data.unique().tolist())

    return _ids_of


@pytest.fixture
def make_split() -> Callable:
    def _make_split(root: Path, labeled: list[str], unlabeled: list[str]) -> str:
        folder = root / 'splits/mine/1'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'labeled.txt').write_text('\n'.join(labeled) + '\n')
        (folder / 'unlabeled.txt').write_text('\n'.join(unlabeled) + '\n')
        return 'splits/mine/1'

    return _make_split


@pytest.fixture
def stamps() -> Callable:
    """When each file below a folder was written."""

    def _stamps(folder: Path) -> dict[str, int]:
        files = [p for p in Path(folder).rglob('*') if p.is_file()]
        return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in files}

    return _stamps
