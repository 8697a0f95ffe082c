"""Labeled images that the suffix passes over are not passed over in silence."""

import os

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.left_out import left_out
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

CLASSES = ('sky', 'road')


def fill(folder, *names):
    """Images and masks; each image needs a place only."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode('.png', np.zeros((8, 8), np.uint8))[1].tobytes())


def cfg(folder, **kwargs):
    prefix = dict(img_path='img', seg_map_path='ann')
    return dict(
        type='BaseSegDataset', data_root=str(folder), data_prefix=prefix,
        metainfo=dict(classes=CLASSES), **kwargs,
    )  # fmt: skip


def names(folder, **kwargs):
    found = left_out(DATASETS.build(cfg(folder, **kwargs)))
    return [os.path.relpath(path, folder / 'img') for path in found]


def test_another_case_and_another_suffix_are_found(tmp_path):
    fill(tmp_path / 'img', 'a.jpg', 'b.JPG', 'c/d.png', 'c/e.jpeg', 'notes.txt', '.hidden.png')
    assert names(tmp_path) == ['b.JPG', 'c/d.png', 'c/e.jpeg']
    assert names(tmp_path, img_suffix='.JPG') == ['a.jpg', 'c/d.png', 'c/e.jpeg']


def test_a_file_beside_a_listed_image_is_none(tmp_path):
    fill(tmp_path / 'img', 'a.jpg', 'a.png', 'b.jpg')
    assert names(tmp_path) == []


def test_masks_among_the_images_are_none(tmp_path):
    fill(tmp_path / 'img', 'a.jpg', 'a_mask.png', 'b.JPG', 'b_mask.png', 'masks/a.png')
    both = dict(img_path='img', seg_map_path='img')
    dataset = DATASETS.build(dict(cfg(tmp_path), data_prefix=both, seg_map_suffix='_mask.png'))
    assert [os.path.basename(path) for path in left_out(dataset)] == ['b.JPG', 'a.png']
    inside = dict(img_path='img', seg_map_path='img/masks')
    dataset = DATASETS.build(dict(cfg(tmp_path), data_prefix=inside, img_suffix='_mask.png'))
    assert left_out(dataset) == []


def test_a_suffix_with_a_name_asks_for_that_name(tmp_path):
    """Other files of the folder are left out on purpose."""
    fill(tmp_path / 'img', 'a_rgb.png', 'b_rgb.PNG', 'c_rgb.jpg', 'a_depth.png', 'd_depth.png')
    assert names(tmp_path, img_suffix='_rgb.png') == ['b_rgb.PNG', 'c_rgb.jpg']


def test_an_id_list_says_itself_what_it_wants(tmp_path):
    fill(tmp_path / 'img', 'a.jpg', 'b.JPG')
    (tmp_path / 'list.txt').write_text('a\n')
    assert names(tmp_path, ann_file='list.txt') == []


def test_other_kinds_of_data_are_left_alone(tmp_path):
    fill(tmp_path / 'img', 'a.npy', 'b.png')
    assert names(tmp_path, img_suffix='.npy') == []
    assert left_out(DATASETS.build(dict(type='ShapesDataset', num_images=2))) == []
    dataset = DATASETS.build(cfg(tmp_path, img_suffix='.png'))
    dataset.backend_args = dict(backend='lmdb', db_path='x')
    fill(tmp_path / 'img', 'c.PNG')
    assert left_out(dataset) == []


def test_a_start_of_training_says_it_once(make_folder, monkeypatch):
    folder = make_folder(6, 0, (8, 8), 2)
    for k in range(4):
        os.rename(folder / f'img/{k}.jpg', folder / f'img/{k}.JPG')
    lines = []
    logger = MMLogger.get_instance('test_left_out')
    monkeypatch.setattr(
        type(logger),
        'callHandlers',
        lambda self, record: record.levelno >= 30 and lines.append(record.getMessage()),
    )
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations'), dict(type='CheckLabels')]
    dataset = SemiDataset(dict(cfg(folder), pipeline=load))
    dataset.check_labels()
    assert len(lines) == 1 and len(dataset) == 2
    assert f'Left out: 4 images in {folder}/img, such as {folder}/img/0.JPG: ' in lines[0]
    assert "train_dataloader.dataset.labeled.img_suffix is '.jpg'" in lines[0]


@pytest.mark.parametrize(
    ('files', 'instead'),
    [
        (('a.JPG', 'b.JPG', 'c/d.JPG', 'x.txt'), 'there are: 3 .JPG, 1 .txt. Set img_suffix'),
        ((), 'there are: no files at all'),
    ],
)
def test_an_empty_dataset_says_what_lies_there(files, instead, tmp_path):
    (tmp_path / 'img').mkdir()
    fill(tmp_path / 'img', *files)
    with pytest.raises(UserError) as caught:
        SemiDataset(cfg(tmp_path))
    text = str(caught.value)
    assert f"no file in {tmp_path}/img ends in img_suffix='.jpg'" in text and instead in text
    assert 'check train_dataloader.dataset.labeled (data_root=' in text


def test_an_empty_list_is_no_matter_of_suffixes(tmp_path):
    fill(tmp_path / 'img', 'a.JPG')
    (tmp_path / 'list.txt').write_text('')
    with pytest.raises(UserError, match=r'is empty: check train_dataloader\.dataset\.labeled'):
        SemiDataset(cfg(tmp_path, ann_file='list.txt'))
