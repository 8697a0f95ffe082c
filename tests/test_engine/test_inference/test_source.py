import os

import cv2
import numpy as np
import pytest
import torch

from semiseg_mm.engine.inference import ImageSource
from semiseg_mm.errors import UserError

CROP = [
    dict(type='ScaleCrop', crop_size=(8, 8)),
    dict(type='MultiView', views=dict(weak=[])),
    dict(type='PackSemiInputs'),
]
LOAD = [dict(type='DrawScale', scale=(0.1, 0.2)), dict(type='LoadImage')]


def test_images_come_whole_although_training_decodes_them_smaller(make_folder):
    folder = make_folder(0, 3, (20, 30), 2)
    whole = (folder / 'more/u1.jpg').read_bytes()
    (folder / 'more/u1.jpg').write_bytes(whole[:-99])
    cfg = dict(type='UnlabeledDataset', img_path=str(folder / 'more'), pipeline=LOAD + CROP)
    source = ImageSource(cfg)
    assert source.ids == ['u0', 'u1', 'u2'] and len(source) == 3
    index, image, size, reason = source[0]
    expected = cv2.imread(str(folder / 'more/u0.jpg')).transpose(2, 0, 1)
    assert (index, size, reason) == (0, (20, 30), None) and np.array_equal(image.numpy(), expected)
    index, image, _, reason = source[1]
    assert (index, image) == (1, None) and 'cut off' in reason
    assert cfg['pipeline'] == LOAD + CROP  # the config stays as it was


def test_procedural_scenes_and_a_choice_of_images():
    scenes = dict(type='ShapesDataset', start=5, num_images=6, size=(12, 16), with_labels=False)
    source = ImageSource(dict(scenes, pipeline=[dict(type='LoadShapes'), *CROP]))
    some = ImageSource(dict(scenes, pipeline=[dict(type='LoadShapes'), *CROP]), source.ids[1::2])
    assert some.ids == source.ids[1::2] and some[2][1].equal(source[5][1])
    assert source[0][1].shape == (3, 12, 16) and source[0][1].dtype == torch.uint8
    with pytest.raises(UserError, match='1 of the images'):
        ImageSource(dict(scenes, pipeline=[dict(type='LoadShapes')]), ['elsewhere'])


def test_no_label_is_opened_and_nothing_random_is_run(make_folder):
    folder = make_folder(2, 0, (20, 30), 2)
    for mask in (folder / 'ann').iterdir():
        mask.unlink()
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations'), dict(type='CheckLabels')]
    cfg = dict(
        type='BaseSegDataset',
        data_prefix=dict(img_path=str(folder / 'img'), seg_map_path=str(folder / 'ann')),
        metainfo=dict(classes=('a', 'b')),
    )
    flip = dict(type='RandomFlip', prob=1.0)
    source = ImageSource(dict(cfg, pipeline=[*load, flip, dict(type='PackSegInputs')]))
    assert source.ids == ['0', '1']
    expected = cv2.imread(str(folder / 'img/0.jpg')).transpose(2, 0, 1)
    assert np.array_equal(source[0][1].numpy(), expected)
    with pytest.raises(UserError, match='loads an image'):
        ImageSource(dict(cfg, pipeline=CROP))


def test_the_size_before_resizing_is_known_and_padding_left_out(make_folder):
    folder = make_folder(0, 1, (20, 30), 2)
    steps = [dict(type='Resize', scale=(15, 15), keep_ratio=True), dict(type='Pad', size=(40, 40))]
    cfg = dict(type='UnlabeledDataset', img_path=str(folder / 'more'))
    item = ImageSource(dict(cfg, pipeline=[*LOAD, *steps, *CROP]))[0]
    assert item.image.shape == (3, 10, 15) and item.size == (20, 30)


def test_files_are_known_by_size_and_time(make_folder):
    folder = make_folder(0, 3, (20, 30), 2)
    source = ImageSource(
        dict(type='UnlabeledDataset', img_path=str(folder / 'more'), pipeline=LOAD)
    )
    before, others = source.state([0, 1]), source.state([2])
    os.utime(folder / 'more/u1.jpg', (0, 1000))
    assert source.state([0, 1]) != before and source.state([2]) == others
    source.dataset.backend_args = dict(backend='lmdb')  # no file, whatever lies at that path
    assert source.state([0]) == source.state([2]) != others
