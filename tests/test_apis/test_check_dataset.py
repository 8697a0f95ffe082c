"""Each kind of trouble in a small folder is found, named with its file, and sets the verdict."""

import cv2
import numpy as np
import pytest

from semiseg_mm.apis.check_dataset import check_dataset, run_check_dataset
from semiseg_mm.registry import DATASETS

CLASSES = ('sky', 'road', 'car')


@pytest.fixture
def folder(make_folder):
    """4 labeled images with labels 0 and 1, and 3 unlabeled ones."""
    return make_folder(4, 3, (20, 30), 2)


@pytest.fixture
def config(folder):
    load, pack = dict(type='LoadImage'), dict(type='PackSemiInputs')
    crop = dict(type='ScaleCrop', crop_size=16)
    return dict(
        type='SemiDataset',
        labeled=dict(
            type='BaseSegDataset',
            data_root=str(folder),
            data_prefix=dict(img_path='img', seg_map_path='ann'),
            metainfo=dict(classes=CLASSES),
            pipeline=[load, dict(type='LoadAnnotations'), dict(type='CheckLabels'), crop, pack],
        ),
        unlabeled=dict(
            type='UnlabeledDataset', img_path=str(folder / 'more'), pipeline=[load, crop, pack]
        ),
    )


@pytest.fixture
def look(config):
    return lambda: check_dataset(DATASETS.build(config), workers=2)


def test_a_sound_folder_has_no_errors_but_says_which_class_is_absent(look):
    labeled, unlabeled = look()
    assert not labeled.errors and not unlabeled.errors
    assert (labeled.count, unlabeled.count) == (4, 3)
    assert labeled.sizes == {'20x30': 4} and labeled.channels == {3: 4}
    assert set(labeled.labels) == {0, 1} and sum(labeled.labels.values()) == 4 * 600
    assert labeled.remarks == ['Without a single pixel: car.']


def write_mask(folder, name, mask):
    cv2.imwrite(str(folder / f'ann/{name}.png'), mask)


TROUBLE = {
    'labels outside 0 … 2': lambda f: write_mask(f, 1, np.full((20, 30), 7, np.uint8)),
    'mask and image differ in size': lambda f: write_mask(f, 1, np.zeros((20, 31), np.uint8)),
    'nothing but ignored pixels': lambda f: write_mask(f, 1, np.full((20, 30), 255, np.uint8)),
    'cannot be read': lambda f: (f / 'ann/1.png').write_bytes(b'no image'),
}


@pytest.mark.parametrize('kind', TROUBLE)
def test_each_trouble_is_named_with_its_file(kind, look, folder):
    TROUBLE[kind](folder)
    labeled, unlabeled = look()
    assert list(labeled.errors) == [kind]
    assert len(labeled.errors[kind]) == 1 and 'ann/1.png' in labeled.errors[kind][0]
    assert not unlabeled.errors


def test_broken_images_of_both_sources_are_found(look, folder):
    (folder / 'img/2.jpg').write_bytes(b'')
    (folder / 'more/u0.jpg').write_bytes(b'<html>')
    labeled, unlabeled = look()
    assert 'img/2.jpg (it is empty)' in labeled.errors['cannot be read'][0]
    assert 'u0.jpg' in unlabeled.errors['cannot be read'][0]


def test_masks_of_0_and_255_are_pointed_out(look, folder):
    for index in range(4):
        mask = np.zeros((20, 30), np.uint8)
        mask[:9] = 255
        write_mask(folder, index, mask)
    assert any('0 and 255 only' in remark for remark in look()[0].remarks)


def test_lists_that_overlap_or_repeat_are_pointed_out(config, folder, look):
    (folder / 'some.txt').write_text('0\n1\n1\n')
    config['labeled']['ann_file'] = 'some.txt'
    config['unlabeled'].update(img_path=str(folder / 'img'))
    labeled, unlabeled = look()
    assert labeled.errors == {'stands in the list more than once': ['1 (2 times)']}
    assert '2 images are in both lists, 0 among them' in unlabeled.remarks[0]


@pytest.mark.parametrize('broken, status', [(False, 0), (True, 1)])
def test_the_exit_status_is_the_verdict(broken, status, config, folder, capsys):
    if broken:
        TROUBLE['labels outside 0 … 2'](folder)
    path = folder / 'config.py'
    path.write_text(f"default_scope = 'semiseg_mm'\ntrain_dataloader = dict(dataset={config!r})\n")
    assert run_check_dataset([str(path)]) == status
    printed = capsys.readouterr().out
    assert ('1 errors' if broken else 'No errors') in printed and 'sky' in printed


def test_a_wrong_path_is_one_sentence(config, folder, capsys):
    config['labeled']['data_root'] = '/nowhere'
    path = folder / 'config.py'
    path.write_text(f'train_dataloader = dict(dataset={config!r})\n')
    assert run_check_dataset([str(path)]) == 1
    assert 'error: The folder /nowhere does not exist' in capsys.readouterr().err
