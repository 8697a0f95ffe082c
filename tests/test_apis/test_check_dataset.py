"""Each kind of trouble in a small folder is found, named with its file, and sets the verdict."""

import os

import cv2
import numpy as np
import pytest

from semiseg_mm.apis.data.check_dataset import check_dataset, run_check_dataset
from semiseg_mm.registry import DATASETS

CLASSES = ('sky', 'road', 'car')
LOAD_SHAPES = dict(type='LoadShapes')


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
    'masks whose values 8 bits cannot hold (save them as 8-bit PNG, one class number a pixel)': (
        lambda f: write_mask(f, 1, np.full((20, 30), 258, np.uint16))
    ),
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
    (kind,) = look()[0].errors
    assert kind.startswith('0 and 255 only')


def test_masks_of_colours_are_named_as_such(look, folder):
    write_mask(folder, 1, np.full((20, 30, 3), (0, 0, 200), np.uint8))
    (kind,) = look()[0].errors
    assert kind.startswith('masks of colours') and 'semiseg_mm new' in kind


def test_what_loading_leaves_out_is_said_of_both_folders(look, folder):
    cv2.imwrite(str(folder / 'more/rgba.png'), np.full((20, 30, 4), 9, np.uint8))
    cv2.imwrite(str(folder / 'more/bands.tif'), np.full((20, 30, 4), 9, np.uint8))
    for place in ('img', 'more'):
        (folder / place / 'IMG_1.HEIC').write_bytes(b'heic')
    labeled, unlabeled = look()
    assert '2 images with more than three channels' in ' '.join(unlabeled.remarks)
    for findings in (labeled, unlabeled):
        assert any('1 picture of a kind that is not read' in text for text in findings.remarks)


def test_lists_that_overlap_or_repeat_are_pointed_out(config, folder, look):
    (folder / 'some.txt').write_text('0\n1\n1\n')
    config['labeled']['ann_file'] = 'some.txt'
    config['unlabeled'].update(img_path=str(folder / 'img'))
    labeled, unlabeled = look()
    assert labeled.errors == {'stands in the list more than once': ['1 (2 times)']}
    assert '2 images in both lists, such as 0' in unlabeled.remarks[0]


@pytest.mark.parametrize('broken, status', [(False, 0), (True, 1)])
def test_the_exit_status_is_the_verdict(broken, status, config, folder, capsys):
    if broken:
        TROUBLE['labels outside 0 … 2'](folder)
    path = folder / 'config.py'
    path.write_text(f"default_scope = 'semiseg_mm'\ntrain_dataloader = dict(dataset={config!r})\n")
    assert run_check_dataset([str(path)]) == status
    printed = capsys.readouterr().out
    assert ('1 error.' if broken else 'No errors') in printed and 'sky' in printed
    assert 'height x width: 20x30' in printed


def test_a_wrong_path_is_one_sentence(config, folder, capsys):
    config['labeled']['data_root'] = '/nowhere'
    path = folder / 'config.py'
    path.write_text(f'train_dataloader = dict(dataset={config!r})\n')
    assert run_check_dataset([str(path)]) == 1
    assert 'error: The folder /nowhere does not exist' in capsys.readouterr().err


def deepen(folder, names, highest):
    """Images of 16 bits with values up to ``highest``, in the place of 8-bit ones."""
    for name in names:
        values = np.linspace(0, highest, 600).astype(np.uint16).reshape(20, 30)
        (folder / f'{name}.jpg').unlink()
        cv2.imwrite(str(folder / f'{name}.png'), values)


SPOILT = 'more than 8 bits, spoilt by loading (save them with 8, see docs/en/datasets.md)'


@pytest.mark.parametrize(('highest', 'new'), [(4095, 15), (255, 0)])
def test_images_that_loading_would_spoil_are_errors(highest, new, look, config, folder):
    deepen(folder / 'img', range(4), highest)
    deepen(folder / 'more', ['u1'], highest)
    config['labeled']['img_suffix'] = '.png'
    labeled, unlabeled = look()
    assert list(labeled.errors) == list(unlabeled.errors) == [SPOILT]
    assert len(labeled.errors[SPOILT]) == 4
    expected = f'{folder}/more/u1.png (values 0 to {highest} become 0 to {new})'
    assert unlabeled.errors[SPOILT] == [expected]


def test_images_that_fill_16_bits_are_no_errors_but_remarked(look, folder):
    deepen(folder / 'more', ['u1'], 65535)
    deepen(folder / 'more', ['u2'], 9000)  # a dark one among them
    unlabeled = look()[1]
    assert not unlabeled.errors
    assert '2 images with more than 8 bits' in unlabeled.remarks[0]
    assert 'u1.png values 0 to 65535 become 0 to 255' in unlabeled.remarks[0]


def test_images_loaded_with_all_their_bits_are_no_errors(look, config, folder):
    deepen(folder / 'more', ['u1'], 4095)
    config['unlabeled']['pipeline'][0] = dict(type='LoadImage', color_type='unchanged')
    assert not look()[1].errors and not look()[1].remarks


def test_images_that_the_suffix_leaves_out_are_errors(look, folder):
    for name in (1, 2):
        (folder / f'img/{name}.jpg').rename(folder / f'img/{name}.JPG')
    labeled = look()[0]
    ((kind, files),) = labeled.errors.items()
    assert labeled.count == 2 and "left out, because img_suffix is '.jpg'" in kind
    assert files == [f'{folder}/img/1.JPG', f'{folder}/img/2.JPG']


@pytest.fixture
def validate(config, folder, capsys):
    """Run the tool with the labeled images as validation images; its status and output."""

    def run(**changes):
        steps = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
        val = {**config['labeled'], 'pipeline': steps, **changes}
        config['labeled'] = dict(type='ShapesDataset', num_images=1, pipeline=[LOAD_SHAPES])
        path = folder / 'config.py'
        path.write_text(
            f'train_dataloader = dict(dataset={config!r})\nval_dataloader = dict(dataset={val!r})\n'
        )
        status = run_check_dataset([str(path)])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return run


def test_sound_validation_images_are_counted(validate):
    status, text = validate()
    assert status == 0 and 'val: 4 images' in text and 'No errors' in text


VAL_TROUBLE = {
    'ann/1.png (uint16 values from 258 to 258)': (
        lambda f: write_mask(f, 1, np.full((20, 30), 258, np.uint16))
    ),
    'ann/1.png ([7])': lambda f: write_mask(f, 1, np.full((20, 30), 7, np.uint8)),
    'img/3.jpg (': lambda f: (f / 'img/3.jpg').write_bytes(b'no image'),
    'img/2.JPG': lambda f: os.rename(f / 'img/2.jpg', f / 'img/2.JPG'),
}


@pytest.mark.parametrize('file', VAL_TROUBLE)
def test_trouble_of_validation_images_is_named(file, validate, folder):
    VAL_TROUBLE[file](folder)
    status, text = validate()
    assert status == 1 and file in text and '1 error.' in text


def test_deep_validation_images_are_named(validate, folder):
    deepen(folder / 'img', range(4), 4095)
    status, text = validate(img_suffix='.png')
    assert status == 1 and 'img/3.png (values 0 to 4095 become 0 to 15)' in text


def test_an_empty_validation_folder_is_one_sentence(validate):
    status, text = validate(img_suffix='.png')
    assert status == 1 and 'there are: 4 .jpg' in text and 'check val_dataloader.dataset' in text


def test_wrapped_validation_datasets_are_passed_over(validate):
    status, text = validate(type='ConcatDataset', datasets=[])
    assert status == 0 and 'val:' not in text


@pytest.mark.parametrize('test_cfg, told', [('whole', True), ('slide', False)])
def test_windows_are_advised_for_images_far_larger_than_the_crop(
    test_cfg, told, config, folder, capsys
):
    large = np.zeros((2000, 2010), np.uint8)
    cv2.imwrite(str(folder / 'img/0.jpg'), large)
    cv2.imwrite(str(folder / 'ann/0.png'), large)
    val = dict(config['labeled'], pipeline=[dict(type='LoadImageFromFile')])
    model = dict(segmentor=dict(test_cfg=dict(mode='whole')), test_cfg=dict(mode=test_cfg))
    path = folder / 'config.py'
    path.write_text(
        f'model = {model!r}\nval_dataloader = dict(dataset={val!r})\n'
        f'train_dataloader = dict(dataset={dict(config, crop_size=(64, 96))!r})\n'
    )
    run_check_dataset([str(path)])
    advice = "mode='slide', crop_size=(64, 96), stride=(42, 64)"
    assert (advice in ' '.join(capsys.readouterr().out.split())) == told


def test_a_missing_mask_names_the_file_that_is_there(look, folder):
    (folder / 'ann/1.png').rename(folder / 'ann/1.jpg.png')
    (folder / 'ann/2.png').rename(folder / 'ann/2.jpg')
    (folder / 'ann/3.png').rename(folder / 'ann/30.png')
    one, two, three = look()[0].errors['cannot be read']
    assert "1.jpg.png is there: set seg_map_suffix='.jpg.png'" in one
    assert '2.jpg is there, but JPEG changes class numbers' in two
    assert '3.png: there is no such file)' in three


def test_masks_that_count_from_1_are_pointed_out(look, folder):
    for index in range(4):
        write_mask(folder, index, np.arange(600, dtype=np.uint8).reshape(20, 30) % 3 + 1)
    assert 'No mask holds 0. If the classes are numbered from 1' in look()[0].remarks[-1]
