from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiseg_mm.datasets.shapes import PALETTE, render

SUFFIXES = ('.jpg', '.JPG', '.png', '.tif', '.jpeg')


def draw_mask(kind: str, mask: np.ndarray, file: Path) -> None:
    """Write a mask as some tool would: of numbers, 0 and 255, colours, a palette, a JPEG."""
    colours = np.array(PALETTE, np.uint8)[mask]
    if kind == 'numbers':
        image = Image.fromarray(mask)
    elif kind == 'from_one':
        image = Image.fromarray(mask + 1)
    elif kind == 'binary':
        image = Image.fromarray((mask > 0).astype(np.uint8) * 255)
    elif kind == 'palette':
        image = Image.fromarray(mask)
        image.putpalette(np.array(PALETTE, np.uint8).tobytes())
    elif kind == 'smooth':
        image = Image.fromarray(colours).resize((192, 128), 0).resize((96, 64), Image.BILINEAR)
    else:
        image = Image.fromarray(colours)
    image.save(file.with_suffix('.jpg') if kind == 'jpeg' else file, quality=95)


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """12 photos of mixed kinds, some below a folder with a blank; the present folder is another."""
    folder = tmp_path / 'my photos'
    (folder / 'trip two').mkdir(parents=True)
    for k in range(12):
        place = folder / 'trip two' if k >= 8 else folder
        image = render(k, (64, 96))[0]
        Image.fromarray(image[..., ::-1]).save(place / f'IMG {k}{SUFFIXES[k % 5]}', quality=95)
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    monkeypatch.setenv('LOCAL_RANK', '0')
    return folder


@pytest.fixture
def masks(photos):
    """Return what draws the masks of 5 photos into a folder."""

    def make(kind: str, name: str = '{}.png') -> Path:
        folder = photos.parent / kind
        folder.mkdir(exist_ok=True)
        for k in range(5):
            draw_mask(kind, render(k, (64, 96))[1], folder / name.format(f'IMG {k}'))
        return folder

    return make
