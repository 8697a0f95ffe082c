from pathlib import Path

import cv2
import numpy as np
import pytest
from processes import forked

from semiseg_mm.apis.data.make_splits import find_images, make_splits, run_make_splits
from semiseg_mm.apis.data.split_masks import find_masks, read_pixels
from semiseg_mm.datasets.id_lists import read_ids
from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_drawing import draw_order, make_groups, take

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """24 images of three cities; class 1 is in all masks, 7 in one, 255 in all; b_5 has no mask."""
    for k in range(24):
        city = 'abc'[k // 8]
        name = f'{city}/{city}_{k % 8}'
        mask = np.full((4, 4), 1, np.uint8)
        mask[0], mask[1, 0] = 255, 7 if name == 'c/c_3' else 2 + k % 3
        for kind, pixels in (('images', np.zeros((4, 4, 3), np.uint8)), ('masks', mask)):
            suffix = dict(images='.jpg', masks='.png')[kind]
            (tmp_path / kind / city).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f'{name}{suffix}'), pixels)
    (tmp_path / 'masks/b/b_5.png').unlink()
    return tmp_path


def lists(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_text().splitlines() for p in folder.rglob('*.txt')
    }


def test_number_and_fraction(folder, capsys):
    out = folder / 'out'
    command = [str(folder / 'images'), '--labeled', '5', '1/7', '0.5', '--out', str(out)]
    assert run_make_splits(command) == 0
    written, text = lists(out), capsys.readouterr().out
    sizes = {name: len(ids) for name, ids in written.items() if name.endswith('/labeled.txt')}
    assert sizes == {'5/labeled.txt': 5, '1_7/labeled.txt': 4, '0.5/labeled.txt': 12}  # rounded up
    for split in ('5', '1_7', '0.5'):
        both = written[f'{split}/labeled.txt'], written[f'{split}/unlabeled.txt']
        assert len(set(both[0]) | set(both[1])) == 24 and not set(both[0]) & set(both[1])
        assert both[0][0][1:3] == '/' + both[0][0][0]  # a path below the folder, without suffix
        assert f'{len(both[0])} labeled (sha256 {ids_hash(both[0])})' in text
    assert run_make_splits(command) == 0  # the same again: nothing to overwrite
    assert run_make_splits([*command, '--seed', '1']) == 1
    assert 'is there already and differs' in capsys.readouterr().err
    assert lists(out) == written
    assert run_make_splits([*command, '--seed', '1', '--overwrite']) == 0
    assert lists(out) != written


def test_nested_and_folds(folder):
    images, sizes = str(folder / 'images'), ['1/8', '1/4', '1/2']
    nested = make_splits(images, sizes, str(folder / 'n'), folds=3, nested=True)
    assert len(nested) == 9
    draws = [set(nested[f'1_4/split_{fold}'][0]) for fold in range(3)]
    assert draws[0] != draws[1] != draws[2] != draws[0]
    for fold in range(3):
        eighth, quarter, half = (set(nested[f'{n}/split_{fold}'][0]) for n in ('1_8', '1_4', '1_2'))
        assert eighth < quarter < half
    assert (folder / 'n/1_8/split_2/unlabeled.txt').is_file()
    free = make_splits(images, sizes, str(folder / 'f'))
    eighth, quarter, half = (set(free[name][0]) for name in ('1_8', '1_4', '1_2'))
    assert not eighth < quarter < half


def test_whole_groups(folder, capsys):
    group = '^([a-z])/'
    splits = make_splits(str(folder / 'images'), ['9', '15'], str(folder / 'g'), group=group)
    for (labeled, unlabeled), count in zip(splits.values(), (8, 16)):  # as near as it gets
        assert len(labeled) == count
        assert not {one[0] for one in labeled} & {one[0] for one in unlabeled}
    assert '3 groups, labeled as wholes' in capsys.readouterr().out


def test_classes_are_covered_where_possible(folder, capsys):
    masks = str(folder / 'masks')
    for seed in range(5):
        out = str(folder / f'm{seed}')
        splits = make_splits(str(folder / 'images'), ['4', '2'], out, seed=seed, masks=masks)
        assert 'c/c_3' in splits['4'][0]  # the only one with class 7
        assert all('b/b_5' in unlabeled for _, unlabeled in splits.values())
        text = capsys.readouterr().out
        assert '1 of 24 images have no mask' in text and 'all 5 classes are labeled' in text
        assert text.count('found no place: ') == 1  # two images hold three classes at most
    run_make_splits([str(folder / 'images'), '--labeled', '24', '--out', 'x', '--masks', masks])
    assert '--labeled 24 is 24 images, but 23 can be labeled' in capsys.readouterr().err


def test_from_a_list_in_another_format(tmp_path):
    names = [f'{city}_00000{k}_000019' for city in ('ulm', 'jena') for k in range(4)]
    lines = [f'/images/train/{n}.png\t/segmentation/train/{n}_gtFine.png\r' for n in names]
    (tmp_path / 'all.txt').write_text('\n'.join(lines))
    splits = make_splits(str(tmp_path / 'all.txt'), ['1/4'], str(tmp_path), group='^[a-z]+')
    (labeled, unlabeled) = splits['1_4']
    assert sorted(labeled + unlabeled) == sorted(f'{n.split("_")[0]}/{n}' for n in names)
    (tmp_path / 'mine.txt').write_text('a/1.jpg\na/2.jpg\nb/3.jpg\n')
    splits = make_splits(str(tmp_path / 'mine.txt'), ['1'], str(tmp_path / 'mine'))
    assert sorted(splits['1'][0] + splits['1'][1]) == ['a/1', 'a/2', 'b/3']


def test_cityscapes_masks_are_found_by_their_kind(tmp_path):
    for k in range(3):
        one = f'ulm/ulm_00000{k}_000019'
        for path, value in (
            (f'leftImg8bit/{one}_leftImg8bit.png', 0),
            (f'gtFine/{one}_gtFine_labelTrainIds.png', k),
            (f'gtFine/{one}_gtFine_labelIds.png', 30),
            (f'gtFine/{one}_gtFine_color.png', 99),
        ):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / path), np.full((2, 2), value, np.uint8))
    (tmp_path / f'gtFine/{one}_gtFine_labelTrainIds.png').unlink()
    images = find_images(str(tmp_path / 'leftImg8bit'))
    masks = find_masks(str(tmp_path / 'gtFine'), images)
    assert list(images) == [f'ulm/ulm_00000{k}_000019' for k in range(3)]
    assert list(read_pixels(masks, 255).values()) == [{0: 4}, {1: 4}, {30: 4}]


@pytest.mark.parametrize(
    ('format', 'file', 'pattern'),
    [
        ('unimatch', '3/labeled.txt', 'images/{0}.jpg masks/{0}.png'),
        ('stpp', '3/split_0/labeled.txt', 'images/{0}.jpg masks/{0}.png'),
        ('cps', 'train_aug_labeled_3.txt', '/images/{0}.jpg\t/masks/{0}.png'),
    ],
)
def test_export(folder, format, file, pattern, capsys):
    images, masks, out = (str(folder / name) for name in ('images', 'masks', 'out'))
    command = [images, '--labeled', '3', '--out', out, '--format', format]
    assert run_make_splits([*command, '--masks', masks]) == 1
    assert 'names a mask for each image, but b/b_5 has none' in capsys.readouterr().err
    assert run_make_splits(command) == 1
    (folder / 'images/b/b_5.jpg').unlink()
    assert run_make_splits([*command, '--masks', masks]) == 0
    written = (folder / 'out' / file).read_text().splitlines()
    names = [f'{one[0]}/{one}' for one in read_ids(folder / 'out' / file)]
    assert written == [pattern.format(one) for one in names] and len(names) == 3
    assert (folder / 'out' / file.replace('labeled', 'unlabeled')).is_file()


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['nowhere', '--labeled', '1'], 'nowhere is neither a folder of images nor an id list'),
        (['images', '--labeled', 'many'], 'give a number (100) or a fraction (1/8)'),
        (['images', '--labeled', '1/0'], 'give a number (100) or a fraction (1/8)'),
        (['images', '--labeled', '25'], '25 images, but 24 can be labeled'),
        (['images', '--labeled', '24'], '24/unlabeled.txt would be empty'),
        (['images', '--labeled', '1', '--group', '('], 'is no regular expression'),
        (['images', '--labeled', '1', '--group', '^a'], 'does not match the id b/b_0'),
        (['images', '--labeled', '1', '--folds', '0'], '--folds must be at least 1'),
        (['images', '--labeled', '1', '--masks', '.'], 'holds no mask with the name of an image'),
        (['empty', '--labeled', '1'], 'empty holds no images'),
    ],
)
def test_mistakes_are_one_sentence(folder, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(folder)
    (folder / 'empty').mkdir()
    assert run_make_splits([*arguments, '--out', 'out']) == 1
    assert said in capsys.readouterr().err and not (folder / 'out').exists()


def test_colour_masks_and_unreadable_ones_are_named(folder, capsys):
    path = folder / 'masks/a/a_0.png'
    command = [str(folder / 'images'), '--labeled', '3', '--out', str(folder / 'out')]
    for content in (np.zeros((4, 4, 3), np.uint8), None):
        if content is None:
            path.write_bytes(b'<html>')
        else:
            cv2.imwrite(str(path), content)
        assert run_make_splits([*command, '--masks', str(folder / 'masks')]) == 1
        assert f'The mask {path} ' in capsys.readouterr().err


def test_drawing_depends_on_ids_and_seed_alone():
    ids = [f'{k:03d}' for k in range(50)]
    one = draw_order(make_groups(ids, None), [0, 0])
    assert one == draw_order(make_groups(ids[::-1], None), [0, 0])
    assert one != draw_order(make_groups(ids, None), [0, 1])
    assert sorted(take(one, 50)) == ids and take(one, 3) == [k for g in one[:3] for k in g]
    classes = {one: {0} for one in ids} | {'017': {1, 2}, '030': {1}}
    covered = draw_order(make_groups(ids, None), [0, 0], classes)
    assert covered[0] == ['017'] and sorted(map(tuple, covered)) == sorted(map(tuple, one))


def test_both_tools_start(tmp_path):
    for tool in ('make_splits', 'get_splits'):
        done = forked([ROOT / f'tools/{tool}.py', '--help'], cwd=tmp_path, env={'PATH': ''})
        assert done.returncode == 0 and '--out' in done.stdout, done.stderr
