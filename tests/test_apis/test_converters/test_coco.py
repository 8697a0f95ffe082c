"""COCO's converter, on a miniature in the layout and with the names of the original."""

import json
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from semiseg_mm.apis.data.converters.coco import read_instances, render, run_coco
from semiseg_mm.datasets.coco import COCO81Dataset

pytest.importorskip('pycocotools')

GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # category ids that COCO does not use
IDS = [k for k in range(1, 91) if k not in GAPS]
NAMES = COCO81Dataset.METAINFO['classes'][1:]
PERSON, DOG, TOOTHBRUSH = 1, 18, 90
HEIGHT, WIDTH = 6, 8


def box(left, top, right, bottom):
    """A polygon around the pixels left … right - 1, top … bottom - 1."""
    return [[left, top, right, top, right, bottom, left, bottom]]


def note(number, image, category, segmentation, iscrowd=0):
    return dict(
        id=number, image_id=image, category_id=category, iscrowd=iscrowd, segmentation=segmentation
    )


# columns 3 … 7 in full: run lengths go down the columns
CROWD = dict(size=[HEIGHT, WIDTH], counts=[3 * HEIGHT, 5 * HEIGHT])
TRAIN = [
    note(11, 9, DOG, box(2, 2, 4, 4)),  # smaller than the person behind it, and named before it
    note(12, 9, PERSON, box(0, 0, 4, 4)),
    note(900100000009, 9, PERSON, CROWD, iscrowd=1),
]
VAL = [
    note(8, 139, TOOTHBRUSH, box(1, 0, 3, 2)),  # as large as the person: the higher id is on top
    note(7, 139, PERSON, box(0, 0, 2, 2)),
    note(9, 139, DOG, [box(5, 0, 6, 1)[0], box(7, 5, 8, 6)[0]]),  # in two parts
    note(10, 139, DOG, []),
]
EXPECTED = dict(
    train=[
        [1, 1, 1, 1, 255, 255, 255, 255],
        [1, 1, 1, 1, 255, 255, 255, 255],
        [1, 1, 17, 17, 255, 255, 255, 255],
        [1, 1, 17, 17, 255, 255, 255, 255],
        [0, 0, 0, 255, 255, 255, 255, 255],
        [0, 0, 0, 255, 255, 255, 255, 255],
    ],
    val=[
        [1, 80, 80, 0, 0, 17, 0, 0],
        [1, 80, 80, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 17],
    ],
)


def write_split(root, split, ids, annotations):
    (root / split).mkdir(parents=True)
    (root / 'annotations').mkdir(exist_ok=True)
    images = []
    for number in ids:
        name = f'{number:012}.jpg'
        images.append(dict(id=number, file_name=name, height=HEIGHT, width=WIDTH))
        cv2.imwrite(str(root / split / name), np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    # as in the original, the order says nothing
    categories = [dict(id=k, name=n, supercategory='x') for k, n in zip(IDS, NAMES)][::-1]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / f'annotations/instances_{split}.json').write_text(json.dumps(content))


@pytest.fixture
def coco(tmp_path):
    root = tmp_path / 'download/coco'
    write_split(root, 'train2017', (9, 25, 30), TRAIN)  # 25 and 30 without annotations
    write_split(root, 'val2017', (139,), VAL)
    return root


def ids(path):
    with Image.open(path) as mask:
        assert mask.mode == 'P'
        return np.asarray(mask).tolist()


def test_pixels_by_hand(coco, capsys):
    assert run_coco([str(coco), '--out', str(coco), '--workers', '2']) == 0
    assert ids(coco / 'masks/000000000009.png') == EXPECTED['train']
    assert ids(coco / 'masks/000000000139.png') == EXPECTED['val']
    assert not np.any(ids(coco / 'masks/000000000025.png'))
    assert len(os.listdir(coco / 'masks')) == 4
    assert '4 label maps, 4 of them written now' in capsys.readouterr().out


def test_another_folder_gets_links_to_the_images(coco, tmp_path):
    """The folder above the download will do as well."""
    out = tmp_path / 'data/coco'
    assert run_coco([str(coco.parent), '--out', str(out)]) == 0
    assert (out / 'train2017/000000000009.jpg').is_file() and (out / 'val2017').is_symlink()
    assert len(os.listdir(out / 'masks')) == 4


def test_images_in_a_folder_of_their_own(coco):
    (coco / 'images').mkdir()
    for split in ('train2017', 'val2017'):
        (coco / split).rename(coco / 'images' / split)
    assert run_coco([str(coco), '--out', str(coco)]) == 0
    assert (coco / 'val2017/000000000139.jpg').is_file()


def test_an_interrupted_call_goes_on(coco, capsys):
    assert run_coco([str(coco), '--out', str(coco)]) == 0
    kept, lost = (coco / f'masks/{number:012}.png' for number in (9, 139))
    kept.write_bytes(b'as it was')
    lost.unlink()
    assert run_coco([str(coco), '--out', str(coco)]) == 0
    assert kept.read_bytes() == b'as it was' and ids(lost) == EXPECTED['val']
    assert '4 label maps, 1 of them written now' in capsys.readouterr().out
    assert run_coco([str(coco), '--out', str(coco), '--overwrite']) == 0
    assert ids(kept) == EXPECTED['train']


def test_run_lengths_as_text_are_read_as_well():
    """pycocotools writes them so."""
    from pycocotools import mask

    content = np.zeros((HEIGHT, WIDTH), np.uint8, order='F')
    content[1, 2] = 1
    packed = mask.encode(content)
    packed['counts'] = packed['counts'].decode()
    assert np.array_equal(render(HEIGHT, WIDTH, [(1, 5, 0, packed)]), content * 5)


def test_a_region_of_another_size_names_its_image(coco, capsys):
    wrong = [note(1, 9, PERSON, dict(CROWD, size=[WIDTH, HEIGHT]), iscrowd=1)]
    (coco / 'train2017/000000000009.jpg').unlink()
    for name in ('000000000025', '000000000030'):
        (coco / f'train2017/{name}.jpg').unlink()
    (coco / 'train2017').rmdir()
    write_split(coco, 'train2017', (9,), wrong)
    assert run_coco([str(coco), '--out', str(coco)]) == 1
    assert '000000000009.jpg cannot be converted' in capsys.readouterr().err


def test_other_categories_are_refused(coco, capsys):
    file = coco / 'annotations/instances_val2017.json'
    content = json.loads(file.read_text())
    content['categories'] = [dict(id=1, name='cell'), dict(id=2, name='vessel')]
    file.write_text(json.dumps(content))
    assert run_coco([str(coco), '--out', str(coco)]) == 1
    error = capsys.readouterr().err
    assert "instances_val2017.json does not hold COCO's 80 categories" in error
    assert '2 (cell, vessel' in error


@pytest.mark.parametrize('damage', ['cut', 'absent', 'other'])
def test_a_file_that_is_no_instances_file_is_named(damage, coco, capsys):
    file = coco / 'annotations/instances_train2017.json'
    text = file.read_text()
    file.unlink()
    if damage != 'absent':
        file.write_text(text[:-50] if damage == 'cut' else '{"info": {}}')
    assert run_coco([str(coco), '--out', str(coco)]) == 1
    error = capsys.readouterr().err
    assert 'instances_train2017.json' in error and 'Traceback' not in error


def test_each_image_carries_only_its_own_instances(coco):
    records = read_instances(str(coco / 'annotations/instances_train2017.json'))
    assert list(records) == ['000000000009.jpg', '000000000025.jpg', '000000000030.jpg']
    assert len(records['000000000009.jpg']) > len(records['000000000025.jpg'])
