"""Cityscapes as its archives unpack, in small."""

import numpy as np
import pytest
from PIL import Image

from semiseg_mm.apis.data.converters.cityscapes import run_cityscapes, to_train_ids

IDS = [0, 3, 4, 7, 8, 26, 33]  # unlabeled, out of roi, static, road, sidewalk, car, bicycle
TRAINED = {0, 1, 13, 18, 255}
CITIES = dict(train=['aachen/aachen_000000_000019', 'ulm/ulm_000001_000019'])
CITIES['val'] = ['lindau/lindau_000000_000019']
EXTRA = ['augsburg/augsburg_000000_000000', 'troisdorf/troisdorf_000000_000073']


@pytest.fixture
def cityscapes(tmp_path, draw):
    """leftImg8bit_trainvaltest.zip, leftImg8bit_trainextra.zip and gtFine_trainvaltest.zip."""
    root = tmp_path / 'cityscapes'
    mask = np.repeat(np.array(IDS, np.uint8)[None], 24, 0).repeat(4, 1)  # 24,28
    for split, names in CITIES.items():
        for name in names:
            draw(root / f'leftImg8bit/{split}/{name}_leftImg8bit.png', size=(24, 28))
            draw(root / f'gtFine/{split}/{name}_gtFine_labelIds.png', mask)
            draw(root / f'gtFine/{split}/{name}_gtFine_instanceIds.png', mask)
            (root / f'gtFine/{split}/{name}_gtFine_polygons.json').write_text('{}')
            draw(root / f'gtCoarse/{split}/{name}_gtCoarse_labelIds.png', mask)
    test = 'leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png'
    draw(root / test, size=(24, 28))
    draw(root / 'gtFine/test/berlin/berlin_000000_000019_gtFine_labelIds.png', np.zeros((24, 28)))
    for name in EXTRA:
        draw(root / f'leftImg8bit/train_extra/{name}_leftImg8bit.png', size=(24, 28))
        draw(root / f'gtCoarse/train_extra/{name}_gtCoarse_labelIds.png', mask)
    return root


def convert(source, out, *options) -> int:
    return run_cityscapes([str(source), '--out', str(out), *options])


def test_the_table_is_the_official_one(tmp_path, draw):
    """All 34 ids: 19 are trained on, in this order, the others are ignored."""
    ids = np.array([[*range(34), 255]], np.uint8)
    labels = to_train_ids(str(draw(tmp_path / 'a.png', ids)))[0].tolist()
    trained = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    assert len(trained) == 19
    assert [labels[k] for k in trained] == list(range(19))
    assert {labels[k] for k in range(35) if k not in trained} == {255}


@pytest.mark.parametrize('in_place', [True, False])
def test_the_base_config_reads_what_is_written(
    cityscapes, tmp_path, load, make_split, ids_of, in_place
):
    out = cityscapes if in_place else tmp_path / 'out'
    assert convert(cityscapes, out) == 0
    dataset, val = load(
        'cityscapes', out, make_split(out, CITIES['train'][:1], CITIES['train'][1:])
    )
    assert (dataset.num_labeled, dataset.num_unlabeled) == (1, 1)
    assert ids_of(dataset[0]['labeled']['data_samples']) == TRAINED
    assert 'gt_sem_seg' not in dataset[1]['weak']['data_samples']
    (batch,) = list(val)
    assert ids_of(batch['data_samples'][0]) == TRAINED
    assert (out / 'leftImg8bit').is_symlink() == (not in_place)
    assert not list(out.glob('gtFine/test/*/*TrainIds*'))


def test_extra_images_are_the_unlabeled_ones(cityscapes, load):
    """All fine masks are labeled, and the coarse ones are not needed."""
    assert convert(cityscapes, cityscapes) == 0
    dataset, val = load('cityscapes_extra', cityscapes)
    assert (dataset.num_labeled, dataset.num_unlabeled, len(val)) == (2, 2, 1)
    paths = [dataset.unlabeled.get_data_info(k)['img_path'] for k in range(2)]
    assert all('leftImg8bit/train_extra/' in path for path in paths)
    assert 'gt_sem_seg' not in dataset[2]['weak']['data_samples']


def test_coarse_masks_on_request(cityscapes, ids_of):
    assert convert(cityscapes, cityscapes) == 0
    assert not list(cityscapes.glob('gtCoarse/*/*/*TrainIds.png'))
    assert convert(cityscapes, cityscapes, '--coarse') == 0
    written = list(cityscapes.glob('gtCoarse/train_extra/*/*_gtCoarse_labelTrainIds.png'))
    assert len(written) == 2 and ids_of(written[0]) == TRAINED


def test_masks_can_be_looked_at(cityscapes):
    convert(cityscapes, cityscapes)
    with Image.open(cityscapes / f'gtFine/val/{CITIES["val"][0]}_gtFine_labelTrainIds.png') as mask:
        assert mask.mode == 'P'
        assert mask.convert('RGB').getpixel((12, 0)) == (128, 64, 128)  # road


def test_wrong_folder_is_one_sentence(tmp_path, capsys):
    assert convert(tmp_path, tmp_path / 'out') == 1
    error = capsys.readouterr().err.strip()
    assert 'holds no gtFine' in error and len(error.splitlines()) == 1


def test_a_foreign_id_names_file_and_id(cityscapes, draw, capsys):
    name = f'{CITIES["train"][1]}_gtFine_labelIds.png'
    draw(cityscapes / f'gtFine/train/{name}', np.full((24, 28), 77))
    assert convert(cityscapes, cityscapes) == 1
    error = capsys.readouterr().err
    assert f'{name} holds the value 77' in error and 'Traceback' not in error


def test_a_second_call_writes_nothing_and_a_stopped_one_goes_on(cityscapes, draw, stamps):
    broken = cityscapes / f'gtFine/train/{CITIES["train"][1]}_gtFine_labelIds.png'
    content = broken.read_bytes()
    broken.write_bytes(content[:40])
    assert convert(cityscapes, cityscapes, '--workers', '0') == 1
    before = stamps(cityscapes / 'gtFine')
    written = [name for name in before if name.endswith('TrainIds.png')]
    assert len(written) == 1
    broken.write_bytes(content)
    assert convert(cityscapes, cityscapes) == 0
    after = stamps(cityscapes / 'gtFine')
    assert len(after) == len(before) + 2 and after[written[0]] == before[written[0]]
    assert convert(cityscapes, cityscapes) == 0
    assert stamps(cityscapes / 'gtFine') == after
