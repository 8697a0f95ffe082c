from pathlib import Path
from types import SimpleNamespace

import pytest

from semiseg_mm.datasets import split_lists
from semiseg_mm.datasets.id_lists import plain_id, read_ids, read_list
from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_lists import (
    Record,
    describe_split,
    identify,
    identify_all,
    log_splits,
    registry,
)
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

COPIES = Path(__file__).parents[2].parent / 'shared' / 'splits'
CITY = 'jena_000078_000019'
IMAGE = f'leftImg8bit/train/jena/{CITY}_leftImg8bit.png'


@pytest.fixture
def known(monkeypatch):
    """A registry of three small lists; two of them are the same."""
    lists = {
        ('one', '1_8/labeled.txt'): ['2007_000032', '2007_000039'],
        ('two', 'subset_train_aug/train_aug_labeled_1-8.txt'): ['2007_000039', '2007_000032'],
        ('one', '1_8/unlabeled.txt'): ['2007_000063', '2007_000068', '2007_000032'],
        ('one', '1_4/unlabeled.txt'): ['2007_000063'],
    }
    records = [
        Record(family, 'voc', file, len(ids), len(ids), ids_hash(ids), 'a/b', 'c', file)
        for (family, file), ids in lists.items()
    ]
    monkeypatch.setattr(split_lists, 'registry', lambda: tuple(records))
    return records


@pytest.mark.parametrize(
    ('line', 'expected'),
    [
        ('2007_000032', '2007_000032'),
        ('2007_000032\r', '2007_000032'),
        ('\t2007_000032  \t ', '2007_000032'),
        ('JPEGImages/2007_000032.jpg SegmentationClass/2007_000032.png', '2007_000032'),
        ('/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png', '2007_000032'),
        ('2007_000032.jpg,2007_000032.png', '2007_000032'),
        ('2007_000032 masks/2007_000032.png', '2007_000032'),
        ('2007_000032  1', '2007_000032'),
        ('2007_000032\t-1', '2007_000032'),
        (r'C:\VOC\JPEGImages\2007_000032.JPG', '2007_000032'),
        (CITY, CITY),
        (f'jena/{CITY}', CITY),
        (IMAGE, CITY),
        (f'{IMAGE} None', CITY),  # UniMatch V2: no mask
        (f'{IMAGE} gtFine/train/jena/{CITY}_gtFine_labelTrainIds.png', CITY),
        (f'/data/{IMAGE}\t/data/gtFine/train/jena/{CITY}_gtFine_labelIds.png', CITY),
        (f'/images/train/{CITY}.png\t/segmentation/train/{CITY}_gtFine.png', CITY),
        (f'/images/train/{CITY}.png\t/segmentation/train/{CITY}_gtCoarse.png', CITY),
        ('my holiday 1.jpg', 'my holiday 1'),
        ('my holiday 1.jpg masks/my holiday 1.png', 'my holiday 1'),
        ('a/frame_1.jpg b/mask_1.png', 'frame_1'),
    ],
)
def test_lines_of_all_formats(tmp_path, line, expected):
    (tmp_path / 'list.txt').write_bytes(line.encode() + b'\n')
    assert read_ids(tmp_path / 'list.txt') == [expected]
    assert plain_id(read_list(tmp_path / 'list.txt').paths[0]) == expected


@pytest.mark.parametrize(
    ('bad', 'said'),
    [
        (b'<!DOCTYPE html>', 'DOCTYPE'),
        (b'{"ids": []}', 'ids'),
        (b'images/', 'images/'),
        (b'a photo of a cat', 'a photo'),
        (b'a\xff\xfe\x00', 'holds no image id'),
        (b'.png', '.png'),
        (b',', ','),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(tmp_path, bad, said):
    path = tmp_path / 'list.txt'
    path.write_bytes(b'2007_000032\n\n' + bad + b'\n2007_000039\n')
    with pytest.raises(UserError, match='line 3') as error:
        read_ids(path)
    assert str(path) in str(error.value) and said in str(error.value)


def test_missing_and_empty_lists(tmp_path):
    with pytest.raises(UserError, match='does not exist'):
        read_ids(tmp_path / 'none.txt')
    with pytest.raises(UserError, match='cannot be read'):
        read_ids(tmp_path)
    (tmp_path / 'empty.txt').write_text('\n# a comment\n \n')
    with pytest.raises(UserError, match='is empty'):
        read_ids(tmp_path / 'empty.txt')


def test_a_nasty_list(tmp_path, caplog):
    text = (
        '\ufeff# ours\r\n\r\n/data/JPEGImages/2007_000039.jpg\t\r\n  2007_000032 \r\n2007_000039\r'
    )
    (tmp_path / 'list.txt').write_bytes(text.encode())
    found = read_list(tmp_path / 'list.txt')
    assert found.ids == ['2007_000039', '2007_000032']  # the order of the list
    assert found.paths == ['/data/JPEGImages/2007_000039', '2007_000032']
    assert (found.duplicates, found.blank_lines) == (['2007_000039'], 2)
    (tmp_path / 'wide.txt').write_bytes('2007_000032\n'.encode('utf-16'))
    assert read_ids(tmp_path / 'wide.txt') == ['2007_000032']


def test_folders_stay_where_names_alone_are_not_unique(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('cam1/0001.png\ncam2/0001.png\ncam2/0002.png\n')
    assert read_ids(path) == ['cam1/0001', 'cam2/0001', 'cam2/0002']
    path.write_text('cam1/0001.png\n/data/cam1/0001.png\n0002.png\n')
    assert read_ids(path) == ['0001', '0002']


def test_identify(known):
    assert identify(['2007_000039', '2007_000032', '2007_000039']) == known[0]
    assert identify_all(['JPEGImages/2007_000039.jpg', '2007_000032']) == known[:2]
    assert identify(['2007_000039']) is None and identify(['2007_000039', 'x']) is None
    assert [record.split for record in known] == ['1_8', '1_8', '1_8', '1_4']
    assert [record.role for record in known] == ['labeled', 'labeled', 'unlabeled', 'unlabeled']


def test_describe_split(known):
    labeled, other = ['2007_000032', '2007_000039'], ['2007_000063']
    text = describe_split(labeled, ['2007_000063', '2007_000068', '2007_000032'])
    assert text == (
        'labeled: one voc 1_8/labeled.txt (2 images, also two 1_8); '
        'unlabeled: one voc 1_8/unlabeled.txt (3 images); one id is in both lists: 2007_000032'
    )
    assert describe_split(labeled, other).endswith('the two lists are not of one split')
    assert describe_split(['a']) == 'labeled: own list (1 image)'
    text = describe_split(['a', 'b/c'], ['b/c', 'a', 'x/c'])
    assert text == (
        'labeled: own list (2 images); unlabeled: own list (3 images); '
        '2 ids are in both lists: a, b/c'
    )


def test_log_splits_of_a_dataset(folder_cfg, folder):
    dataset = DATASETS.build(dict(type='SemiDataset', **folder_cfg))
    line = 'Lists: labeled: own list (3 images); unlabeled: own list (4 images).'
    assert log_splits(dataset) == [line]
    (folder / 'splits/3/unlabeled.txt').write_text('b0\na1\n')
    dataset = DATASETS.build(dict(type='SemiDataset', **folder_cfg))
    assert f'one id is in both lists: {folder}/images/a1' in log_splits(dataset)[0]


def test_log_splits_tells_folders_apart_and_knows_cityscapes(monkeypatch):
    def source(root, *names):
        infos = [dict(img_path=f'{root}/{name}.png') for name in names]
        methods = dict(get_data_info=infos.__getitem__, data_prefix=dict(img_path=root))
        return type('Source', (SimpleNamespace,), dict(__len__=lambda _: len(infos)))(**methods)

    mine = SimpleNamespace(labeled=source('train', '0'), unlabeled=source('more', '0'))
    assert 'in both' not in log_splits(mine)[0]
    assert log_splits(SimpleNamespace(labeled=source('train', '0'), unlabeled=None)) == [
        'Lists: labeled: own list (1 image).'
    ]
    record = Record('f', 'cityscapes', '1_8/labeled.txt', 1, 1, ids_hash([CITY]), '', '', '')
    monkeypatch.setattr(split_lists, 'registry', lambda: (record,))
    for name in (f'jena/{CITY}_leftImg8bit', f'jena/{CITY}'):
        city = SimpleNamespace(labeled=source('leftImg8bit/train', name), unlabeled=None)
        assert 'f cityscapes 1_8/labeled.txt (1 image)' in log_splits(city)[0]


def test_the_packaged_registry_is_sound():
    records = registry()
    assert len(records) == 115 and len(set(map(str, records))) == 115
    for record in records:
        assert len(record.sha256) == 64 and len(record.commit) == 40
        assert record.lines >= record.unique_ids > 0 and record.path.endswith(record.file)
        assert record.role in (None, 'labeled', 'unlabeled') and record.split
    for record in records:  # labeled and unlabeled lists come in pairs
        pair = {
            r.role for r in records if split_lists._split_of(r) == split_lists._split_of(record)
        }
        assert pair in ({None}, {'labeled', 'unlabeled'})


def test_every_registered_list_at_hand_is_read_and_identified():
    if not COPIES.is_dir():
        pytest.skip('the published lists are not part of this repository')
    at_hand = [r for r in registry() if (COPIES / r.family / r.dataset / r.file).is_file()]
    assert at_hand
    for record in at_hand:
        found = read_list(COPIES / record.family / record.dataset / record.file)
        assert record in identify_all(found.ids), record
        assert len(found.ids) == record.unique_ids
        assert len(found.ids) + len(found.duplicates) == record.lines
