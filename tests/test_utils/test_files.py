import os

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_path, atomic_write_text, write_mask
from semiseg_mm.utils.atomic import read_lines


def test_a_failed_write_keeps_the_old_file_and_leaves_no_scrap(tmp_path):
    path = tmp_path / 'iter_1.pth'
    path.write_text('old')
    with pytest.raises(UserError, match='untouched'), atomic_path(str(path)) as part:
        with open(part, 'w') as file:
            file.write('half of the ne')
        raise OSError(28, 'No space left on device')
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['iter_1.pth']


def test_a_successful_write_replaces_the_old_file(tmp_path):
    path = tmp_path / 'last_checkpoint'
    path.write_text('old')
    atomic_write_text(str(path), 'new')
    assert path.read_text() == 'new'
    assert os.listdir(tmp_path) == ['last_checkpoint']


def test_lists_are_read_as_they_were_written(tmp_path):
    names = ['my image', '#1', 'caf\udce9', 'a\x0bb\u2028c', 'd\r']
    path = str(tmp_path / 'images.txt')
    atomic_write_text(path, ''.join(f'{name}\n' for name in names))
    assert read_lines(path) == names
    atomic_write_text(path, '')
    assert read_lines(path) == []
    with pytest.raises(UserError, match='does not exist'):
        read_lines(str(tmp_path / 'none.txt'))


def test_a_mask_is_stored_as_ids_that_show_in_colours(tmp_path):
    path, mask = str(tmp_path / 'm.png'), np.array([[0, 1], [1, 255]], np.uint8)
    write_mask(path, mask, palette=[(1, 2, 3), (250, 0, 9)])
    with Image.open(path) as image:
        assert image.mode == 'P'
    assert cv2.imread(path)[..., ::-1].tolist() == [  # in colours, for people
        [[1, 2, 3], [250, 0, 9]],
        [[250, 0, 9], [255, 255, 255]],
    ]
    loader = LoadImageFromFile(color_type='unchanged', imdecode_backend='pillow')
    assert (loader(dict(img_path=path))['img'] == mask).all()  # as ids, for loaders


@pytest.mark.parametrize('mask', [np.array([[256]]), np.array([[-1]]), np.zeros((1, 1, 3))])
def test_what_is_no_label_map_is_refused(mask, tmp_path):
    with pytest.raises(ValueError, match='label map'):
        write_mask(str(tmp_path / 'm.png'), mask)
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_one_sentence_whoever_writes(tmp_path):
    """torch.save raises a RuntimeError there, and OpenCV nothing."""
    path = str(tmp_path / 'no/folder.pth')
    with pytest.raises(UserError, match='could not be written'), atomic_path(path) as part:
        torch.save({}, part)
