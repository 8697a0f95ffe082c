"""KITTI's data_semantics.zip in small."""

import numpy as np
import pytest

from semiseg_mm.apis.data.converters.kitti import run_kitti

NAMES = [f'{k:06d}_10' for k in range(10)]
TRAINED = {0, 2, 13, 255}


@pytest.fixture
def kitti(tmp_path, draw):
    root = tmp_path / 'data_semantics'
    mask = np.repeat([[0, 7, 11, 26]], 24, 0).repeat(8, 1)
    for name in NAMES:
        draw(root / f'training/image_2/{name}.png')
        draw(root / f'training/semantic/{name}.png', mask)
        draw(root / f'training/semantic_rgb/{name}.png')
        draw(root / f'testing/image_2/{name}.png')
    return root


def convert(source, out, *options) -> int:
    return run_kitti([str(source), '--out', str(out), *options])


@pytest.mark.parametrize('in_place', [True, False])
def test_the_base_config_reads_what_is_written(kitti, tmp_path, load, make_split, ids_of, in_place):
    out = kitti if in_place else tmp_path / 'out'
    assert convert(kitti.parent if in_place else kitti, out) == 0
    dataset, val = load('kitti', out, make_split(out, NAMES[:3], NAMES[3:8]))
    assert (dataset.num_labeled, dataset.num_unlabeled, len(val)) == (3, 5, 2)
    assert ids_of(dataset[0]['labeled']['data_samples']) == TRAINED
    assert 'gt_sem_seg' not in dataset[4]['weak']['data_samples']
    assert ids_of(next(iter(val))['data_samples'][0]) == TRAINED


def test_lists_are_whole_and_apart(kitti, tmp_path):
    convert(kitti, tmp_path / 'out')
    lists = {k: (tmp_path / f'out/splits/{k}.txt').read_text().split() for k in ('train', 'val')}
    assert lists['train'] == NAMES[:8] and lists['val'] == NAMES[8:]


def test_test_images_are_the_unlabeled_ones(kitti, tmp_path, load):
    convert(kitti, tmp_path / 'out')
    dataset, _ = load('kitti_extra', tmp_path / 'out')
    assert (dataset.num_labeled, dataset.num_unlabeled) == (8, 10)
    assert 'testing/image_2' in dataset.unlabeled.get_data_info(0)['img_path']
    assert set(dataset[8]) == {'weak'}


def test_wrong_folder_is_one_sentence(tmp_path, capsys):
    assert convert(tmp_path, tmp_path / 'out') == 1
    error = capsys.readouterr().err.strip()
    assert 'holds no training/semantic' in error and len(error.splitlines()) == 1


def test_foreign_values_name_the_file(kitti, tmp_path, draw, capsys):
    draw(kitti / f'training/semantic/{NAMES[4]}.png', np.full((24, 32), 40))
    assert convert(kitti, tmp_path / 'out') == 1
    assert f'{NAMES[4]}.png holds the value 40' in capsys.readouterr().err
    draw(kitti / f'training/semantic/{NAMES[4]}.png', np.zeros((24, 32, 3)))
    assert convert(kitti, tmp_path / 'out') == 1
    assert f'{NAMES[4]}.png is no mask of ids' in capsys.readouterr().err


def test_an_image_that_is_missing_is_named(kitti, tmp_path, capsys):
    (kitti / f'training/image_2/{NAMES[1]}.png').unlink()
    assert convert(kitti, tmp_path / 'out') == 1
    assert f'{NAMES[1]}.png has no image' in capsys.readouterr().err


def test_a_second_call_writes_nothing_and_a_stopped_one_goes_on(kitti, tmp_path, stamps):
    broken = kitti / f'training/semantic/{NAMES[5]}.png'
    content = broken.read_bytes()
    broken.write_bytes(b'')
    out = tmp_path / 'out'
    assert convert(kitti, out, '--workers', '0') == 1
    before = stamps(out / 'training/semantic_train_ids')
    assert len(before) == 5
    broken.write_bytes(content)
    assert convert(kitti, out) == 0
    after = stamps(out)
    assert before.items() <= stamps(out / 'training/semantic_train_ids').items()
    assert convert(kitti, out) == 0
    assert stamps(out) == after
