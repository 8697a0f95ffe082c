from pathlib import Path

import pytest

from semiseg_mm.apis.data import get_splits as module
from semiseg_mm.apis.data.get_splits import get_splits, run_get_splits, target
from semiseg_mm.datasets import split_lists
from semiseg_mm.datasets.id_lists import plain_id, read_ids
from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_lists import Record, registry

COPIES = Path(__file__).parents[2].parent / 'shared' / 'splits'
CITY = 'DATA/city/config_new'
LISTS = {  # family, dataset, file: (path in the repository, ids, line)
    ('cps', 'voc', 'subset_train_aug/train_aug_labeled_1-8.txt'): (
        'DATA/voc/subset_train_aug/train_aug_labeled_1-8.txt',
        ['2007_000039', '2007_000032'],
        '{}\r',
    ),
    ('cps', 'voc', 'subset_train_aug/train_aug_unlabeled_1-8.txt'): (
        'DATA/voc/subset_train_aug/train_aug_unlabeled_1-8.txt',
        ['2007_000063', '2007_000032'],
        '{}',
    ),
    ('cps', 'cityscapes', 'subset_train/train_aug_labeled_1-8.txt'): (
        f'{CITY}/subset_train/train_aug_labeled_1-8.txt',
        ['jena_000078_000019'],
        '/images/train/{0}.png\t/segmentation/train/{0}_gtFine.png',
    ),
    ('cps', 'cityscapes', 'subset_train/train_aug_unlabeled_1-8.txt'): (
        f'{CITY}/subset_train/train_aug_unlabeled_1-8.txt',
        ['ulm_000061_000019', 'bad-honnef_000001_000002'],
        '/images/train/{0}.png\t/segmentation/train/{0}_gtFine.png',
    ),
    ('cps', 'cityscapes', 'val.txt'): (f'{CITY}/val.txt', ['ulm_000001_000001'], '{}'),
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A family's repository in small, with the registry to it."""
    records = []
    for (family, dataset, file), (path, ids, line) in LISTS.items():
        place = tmp_path / 'repo' / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text('\n'.join(line.format(one) for one in ids) + '\n', newline='')
        size = len(ids), len(ids)
        records.append(Record(family, dataset, file, *size, ids_hash(ids), 'a/b', 'c0ffee', path))
    for where in (module, split_lists):
        monkeypatch.setattr(where, 'registry', lambda: tuple(records))
    return tmp_path / 'repo'


def test_a_local_copy_becomes_our_layout(repository, tmp_path, capsys):
    get_splits('cps', 'cityscapes', str(repository), str(tmp_path / 'out'))
    out = tmp_path / 'out/cps'
    assert (out / '1_8/labeled.txt').read_text() == 'jena/jena_000078_000019\n'
    expected = 'ulm/ulm_000061_000019\nbad-honnef/bad-honnef_000001_000002\n'
    assert (out / '1_8/unlabeled.txt').read_text() == expected
    assert (out / 'val.txt').read_text() == 'ulm/ulm_000001_000001\n'
    assert '3 lists of a/b at c0ffee: every hash is right.' in capsys.readouterr().out
    get_splits('cps', 'cityscapes', str(repository / CITY), str(tmp_path / 'out'))
    assert capsys.readouterr().out.count('unchanged') == 3  # from a folder further down


def test_the_voc_lists_go_where_the_configs_look(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_get_splits(['cps', 'voc', '--from', str(repository)]) == 0
    out = tmp_path / 'data/VOCdevkit/VOC2012/splits/blended_cps/1_8'
    assert (out / 'labeled.txt').read_text() == '2007_000039\n2007_000032\n'  # order kept, no CR
    assert sorted(p.name for p in out.iterdir()) == ['labeled.txt', 'unlabeled.txt']
    assert '1 labeled image(s) also unlabeled: 2007_000032' in capsys.readouterr().out


def test_another_list_is_refused_and_nothing_written(repository, tmp_path, capsys):
    bad = repository / CITY / 'subset_train/train_aug_unlabeled_1-8.txt'
    bad.write_text(bad.read_text() + 'aachen_000000_000019\n')
    command = ['cps', 'cityscapes', '--from', str(repository), '--out', str(tmp_path / 'out')]
    assert run_get_splits(command) == 1
    error = capsys.readouterr().err
    assert f'{bad} is not the registered list' in error and 'it has 3 ids (registered: 2)' in error
    assert not (tmp_path / 'out').exists()
    bad.unlink()
    assert run_get_splits(command) == 1
    assert 'holds neither' in capsys.readouterr().err and not (tmp_path / 'out').exists()
    assert run_get_splits([*command, '--only', 'val']) == 0
    assert run_get_splits([*command, '--only', '1_3']) == 1
    assert 'no split 1_3 of cityscapes: choose of 1_8, val' in capsys.readouterr().err


def test_a_file_that_differs_is_not_overwritten_unasked(repository, tmp_path, capsys):
    mine = tmp_path / 'out/cps/1_8/unlabeled.txt'
    mine.parent.mkdir(parents=True)
    mine.write_text('mine\n')
    command = ['cps', 'cityscapes', '--from', str(repository), '--out', str(tmp_path / 'out')]
    assert run_get_splits(command) == 1
    assert f'{mine} is there already and differs' in capsys.readouterr().err
    assert mine.read_text() == 'mine\n' and len(list(mine.parent.iterdir())) == 1
    assert run_get_splits([*command, '--overwrite']) == 0
    assert mine.read_text().startswith('ulm/') and len(list(mine.parent.iterdir())) == 2


def test_download(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, 'RAW', repository.as_uri() + '/{path}')
    assert run_get_splits(['cps', 'cityscapes', '--out', str(tmp_path / 'out')]) == 0
    assert (tmp_path / 'out/cps/1_8/labeled.txt').read_text() == 'jena/jena_000078_000019\n'
    assert 'downloading 3 lists of a/b' in capsys.readouterr().err


def test_offline_is_one_sentence(repository, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('no_proxy', '*')
    monkeypatch.setattr(module, 'RAW', 'http://127.0.0.1:9/{repo}/{commit}/{path}')
    assert run_get_splits(['cps', 'voc', '--out', str(tmp_path / 'out')]) == 1
    error = capsys.readouterr().err
    assert '127.0.0.1:9/a/b/c0ffee/DATA/voc' in error and '--from' in error
    assert 'Traceback' not in error and not (tmp_path / 'out').exists()


def test_every_registered_list_has_a_place_of_its_own():
    for dataset in module.splits.PLACES:
        places = [target(r) for r in registry() if r.dataset == dataset]
        assert len(places) == len(set(places)) > 30
    voc = {target(r) for r in registry() if r.dataset == 'voc'}
    city = {target(r) for r in registry() if r.dataset == 'cityscapes'}
    for part in ('1_16', '1_8', '1_4', '1_2'):
        assert {f'blended_cps/{part}/{role}.txt' for role in ('labeled', 'unlabeled')} <= voc
        assert {f'cps/{part}/{role}.txt' for role in ('labeled', 'unlabeled')} <= city
    assert 'pseudoseg_cps/1_8/labeled.txt' in voc and 'unimatch/u2pl_1_8/labeled.txt' in voc


def test_help_says_where_lists_go(capsys):
    with pytest.raises(SystemExit):
        run_get_splits(['--help'])
    text = ' '.join(capsys.readouterr().out.split())
    assert 'blended_cps' in text and 'data/VOCdevkit/VOC2012/splits' in text


@pytest.mark.parametrize('family', ['cps', 'unimatch', 'stpp', 'u2pl'])
@pytest.mark.parametrize('dataset', ['voc', 'cityscapes'])
def test_the_published_lists_where_they_are_at_hand(family, dataset, tmp_path):
    source = COPIES / family / dataset
    if not source.is_dir():
        pytest.skip('the published lists are not part of this repository')
    written = get_splits(family, dataset, str(source), str(tmp_path))
    assert len(written) == sum((r.family, r.dataset) == (family, dataset) for r in registry())
    for path, ids in written.items():
        assert read_ids(path) == [plain_id(one) for one in ids]
        assert all(one.count('/') == (dataset == 'cityscapes') for one in ids)
