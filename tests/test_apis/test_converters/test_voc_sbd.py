"""VOC 2012 and SBD as their archives unpack, in small."""

import numpy as np
import pytest
from mmseg.datasets import PascalVOCDataset
from PIL import Image

from semiseg_mm.apis.data.converters.voc_sbd import run_voc_sbd

io = pytest.importorskip('scipy.io')
TRAIN, VAL = ['2007_000032', '2007_000039'], ['2007_000033']
SBD = dict(train=['2008_000002', '2007_000032', '2007_000033'], val=['2008_000003'])
PALETTE = np.full((256, 3), 7)
PALETTE[:21] = PascalVOCDataset.METAINFO['palette']
PALETTE[255] = (224, 224, 192)


def boxed(label: int, border: int | None = None) -> np.ndarray:
    mask = np.zeros((24, 32), np.uint8)
    mask[4:20, 4:20] = label
    if border is not None:
        mask[4, 4:20] = border
    return mask


def save_mat(path, mask) -> None:
    """As SBD has it: a struct with borders, the mask and the classes that are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    borders = np.empty((20, 1), object)
    borders[:] = [[np.zeros((1, 1))]] * 20
    present = np.unique(mask[mask > 0])[:, None]
    record = dict(Boundaries=borders, Segmentation=mask, CategoriesPresent=present)
    io.savemat(path, {'GTcls': record}, do_compression=True)


@pytest.fixture
def voc(tmp_path, draw):
    """VOCdevkit/VOC2012: JPEGs, palette PNGs with border 255."""
    root = tmp_path / 'VOCdevkit/VOC2012'
    lists = dict(train=TRAIN, val=VAL, trainval=[*TRAIN, *VAL])
    for name, ids in lists.items():
        file = root / f'ImageSets/Segmentation/{name}.txt'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('\n'.join(ids) + '\n')
    for name in {*TRAIN, *VAL, *SBD['train'], *SBD['val']}:
        draw(root / f'JPEGImages/{name}.jpg')
    for name in lists['trainval']:
        draw(root / f'SegmentationClass/{name}.png', boxed(20, border=255), PALETTE)
    return root


@pytest.fixture
def sbd(tmp_path):
    """benchmark_RELEASE/dataset: cls/*.mat, train.txt and val.txt."""
    root = tmp_path / 'benchmark_RELEASE/dataset'
    for name, ids in SBD.items():
        for one in ids:
            save_mat(root / f'cls/{one}.mat', boxed(15))
        (root / f'{name}.txt').write_text('\n'.join(ids) + '\n')
    return root


def convert(voc, sbd, out, *options) -> int:
    return run_voc_sbd([str(voc), '--sbd', str(sbd), '--out', str(out), *options])


@pytest.mark.parametrize('in_place', [True, False])
def test_the_base_config_reads_what_is_written(
    voc, sbd, tmp_path, load, make_split, ids_of, in_place
):
    out = voc if in_place else tmp_path / 'out'
    assert convert(voc.parent if in_place else voc, sbd.parent, out) == 0
    split = make_split(out, ['2007_000039', '2008_000003'], ['2008_000002'])
    dataset, val = load('voc', out, split)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (2, 1)
    found = [ids_of(dataset[k]['labeled']['data_samples']) for k in (0, 1)]
    assert found[0] == {0, 20, 255} and found[1] >= {0, 15}
    assert 'gt_sem_seg' not in dataset[2]['weak']['data_samples']
    (batch,) = list(val)
    assert ids_of(batch['data_samples'][0]) == {0, 20, 255}
    assert (out / 'JPEGImages').is_symlink() == (not in_place)


def test_the_union_without_val(voc, sbd):
    """(VOC train ∪ SBD train and val) - VOC val, as 1464 + 11355 - … = 10582."""
    assert convert(voc, sbd, voc) == 0
    ids = (voc / 'ImageSets/Segmentation/trainaug.txt').read_text().split()
    assert ids == ['2007_000032', '2007_000039', '2008_000002', '2008_000003']
    masks = sorted(p.stem for p in (voc / 'SegmentationClassAug').iterdir())
    assert masks == sorted([*ids, *VAL])


def test_vocs_own_mask_wins(voc, sbd, ids_of):
    """2007_000032 is in both, 2007_000033 is in VOC's val and in SBD's train."""
    convert(voc, sbd, voc)
    found = {p.stem: ids_of(p) for p in (voc / 'SegmentationClassAug').iterdir()}
    assert found['2007_000032'] == found['2007_000033'] == {0, 20, 255}
    assert found['2008_000002'] == {0, 15}


def test_masks_can_be_looked_at(voc, sbd):
    convert(voc, sbd, voc)
    with Image.open(voc / 'SegmentationClassAug/2008_000002.png') as mask:
        assert mask.mode == 'P'
        assert mask.convert('RGB').getpixel((10, 10)) == (192, 128, 128)  # a person


def test_list_of_the_same_images_stays_and_another_stops(voc, sbd, capsys):
    """mmsegmentation's own list may be there, in its order."""
    file = voc / 'ImageSets/Segmentation/trainaug.txt'
    same = '2008_000003\n2008_000002\n2007_000039\n2007_000032\n'
    file.write_text(same)
    assert convert(voc, sbd, voc) == 0
    assert file.read_text() == same
    file.write_text('2008_000003\n')
    assert convert(voc, sbd, voc) == 1
    assert 'trainaug.txt is there already and differs' in capsys.readouterr().err


@pytest.mark.parametrize('which', ['voc', 'sbd'])
def test_wrong_folder_is_one_sentence(voc, sbd, tmp_path, capsys, which):
    empty = tmp_path / 'empty'
    empty.mkdir()
    folders = dict(voc=voc, sbd=sbd) | {which: empty}
    assert convert(**folders, out=tmp_path / 'out') == 1
    error = capsys.readouterr().err.strip()
    assert f'{empty} holds no' in error and len(error.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_a_missing_mask_is_named(voc, sbd, capsys):
    (sbd / 'cls/2008_000003.mat').unlink()
    assert convert(voc, sbd, voc) == 1
    assert '2008_000003.mat does not exist' in capsys.readouterr().err


def test_foreign_values_name_the_file(voc, sbd, tmp_path, draw, capsys):
    save_mat(sbd / 'cls/2008_000003.mat', boxed(21))
    assert convert(voc, sbd, voc) == 1
    assert '2008_000003.mat holds the value 21' in capsys.readouterr().err
    rgb = np.zeros((24, 32, 3), np.uint8)
    draw(voc / 'SegmentationClass/2007_000039.png', rgb)
    assert convert(voc, sbd, tmp_path / 'out') == 1
    assert '2007_000039.png is no mask of ids' in capsys.readouterr().err


def test_a_second_call_writes_nothing_and_a_stopped_one_goes_on(voc, sbd, capsys, stamps):
    broken = sbd / 'cls/2008_000002.mat'
    content = broken.read_bytes()
    broken.write_bytes(content[:100])
    assert convert(voc, sbd, voc, '--workers', '0') == 1
    error = capsys.readouterr().err
    assert '2008_000002.mat cannot be converted' in error and 'Traceback' not in error
    before = stamps(voc / 'SegmentationClassAug')
    assert len(before) == 3
    broken.write_bytes(content)
    assert convert(voc, sbd, voc) == 0
    after = stamps(voc)
    assert before.items() <= stamps(voc / 'SegmentationClassAug').items()
    assert convert(voc, sbd, voc) == 0
    assert stamps(voc) == after
