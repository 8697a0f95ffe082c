"""Photos and masks of any kind become a dataset and a config that trains."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semiseg_mm.apis import run_train
from semiseg_mm.apis.cli import load_config
from semiseg_mm.apis.new import make_new, run_new
from semiseg_mm.datasets.shapes import PALETTE, render
from semiseg_mm.errors import UserError

FAST = ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.num_workers=0']
FAST += ['train_dataloader.persistent_workers=False', 'val_dataloader.persistent_workers=False']
FAST += ['val_dataloader.num_workers=0', 'train_dataloader.dataset.crop_size=(32,32)']
FAST += ['train_dataloader.sampler.labeled=2', 'train_dataloader.sampler.unlabeled=2']
FAST += ['model.segmentor.backbone.base_channels=4', 'model.segmentor.decode_head.in_channels=4']


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def snapshot(folder: Path) -> dict:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def label_maps(name):
    """Photo number → label map, of those that train and those that validate."""
    found = {}
    for part in ('train', 'val'):
        for file in sorted(Path(f'data/{name}/{part}_masks').rglob('*.png')):
            found[int(file.name.split('.')[0].split('_')[-1])] = read(file)
    return found


def test_photos_and_masks_train(photos, masks):
    before = snapshot(photos)
    folder = masks('binary')
    (photos / 'IMG 99.HEIC').write_bytes(b'heic')
    args = ['mine', '--images', str(photos), '--masks', str(folder), '--device', 'cpu']
    assert run_new(args) == 0
    config = load_config('data/mine/mine.py')
    assert len(Path('data/mine/mine.py').read_text().splitlines()) <= 15
    assert list(config.train_dataloader.dataset.labeled.metainfo.classes) == ['class_0', 'class_1']
    for number, label in label_maps('mine').items():
        np.testing.assert_array_equal(label, render(number, (64, 96))[1] > 0)
    assert run_train(['data/mine/mine.py', '--cfg-options', *FAST]) == 0
    results = json.loads(Path('work_dirs/mine/results.json').read_text())
    assert results['iter'] == 2
    (photos / 'IMG 99.HEIC').unlink()
    assert snapshot(photos) == before


def test_again_is_the_same_and_other_content_is_refused(photos, masks, capsys):
    args = ['mine', '--images', str(photos), '--masks', str(masks('numbers')), '--device', 'cpu']
    assert run_new(args) == 0 and 'are written' in capsys.readouterr().out
    assert run_new(args) == 0 and 'there already, and the same' in capsys.readouterr().out
    with open('data/mine/mine.py', 'a') as file:
        file.write('seed = 1\n')
    assert run_new(args) == 1
    assert 'holds something else (mine.py)' in capsys.readouterr().err
    assert run_new(['two words', *args[1:], '--out', 'two words']) == 0
    assert "train 'two words/two words.py'" in capsys.readouterr().out
    assert sorted(p.name for p in Path('data').iterdir()) == ['mine']


@pytest.mark.parametrize(
    'kind, name',
    [
        ('numbers', '{}_mask.png'),
        ('from_one', '{}.PNG'),
        ('palette', '{}.png'),
        ('colours', '{}-labels.png'),
        ('smooth', '{}.png'),
        ('jpeg', '{}.png'),
    ],
)
def test_each_kind_of_mask_gives_its_classes(kind, name, photos, masks):
    make_new(str(photos), str(masks(kind, name)), 'mine', device='cpu')
    present = sorted({v for k in range(5) for v in np.unique(render(k, (64, 96))[1])})
    coloured = kind in ('colours', 'smooth', 'jpeg')
    order = sorted(present, key=lambda v: PALETTE[v]) if coloured else present
    config = load_config('data/mine/mine.py')
    assert len(config.train_dataloader.dataset.labeled.metainfo.classes) == len(order)
    maps = label_maps('mine')
    assert sorted(maps) == [0, 1, 2, 3, 4]
    share = 0.9 if kind in ('smooth', 'jpeg') else 1
    for number, label in maps.items():
        truth = np.searchsorted(present, render(number, (64, 96))[1])
        expected = np.array([order.index(v) for v in present])[truth]
        assert (label == expected).mean() >= share


def test_names_values_and_ignored_ones(photos, masks):
    folder = masks('colours')
    colours = ['#{:02x}{:02x}{:02x}'.format(*colour) for colour in PALETTE]
    names = [f'{"thing" if k else "ground"}={colour}' for k, colour in enumerate(colours[:-1])]
    args = dict(classes=names, ignore=[colours[-1]], device='cpu')
    make_new(str(photos), str(folder), 'mine', **args)
    for number, label in label_maps('mine').items():
        truth = render(number, (64, 96))[1]
        np.testing.assert_array_equal(label, np.where(truth == 6, 255, truth > 0))


def test_255_is_ignored_beside_class_numbers_unless_it_is_to_be_a_class(photos, masks):
    folder = masks('numbers')
    mask = render(0, (64, 96))[1]
    mask[:4] = 255
    Image.fromarray(mask).save(folder / 'IMG 0.png')
    make_new(str(photos), str(folder), 'void', device='cpu')
    assert (label_maps('void')[0][:4] == 255).all()
    make_new(str(photos), str(folder), 'kind', ignore=['none'], device='cpu')
    classes = load_config('data/kind/kind.py').train_dataloader.dataset.labeled.metainfo.classes
    assert (label_maps('kind')[0][:4] == len(classes) - 1).all()


def test_masks_beside_the_images_and_none_at_all(photos, masks):
    for file in masks('numbers', '{}_mask.png').iterdir():
        file.rename(photos / file.name)
    make_new(str(photos), str(photos), 'mine', device='cpu')
    assert len(label_maps('mine')) == 5
    assert len(Path('data/mine/unlabeled.txt').read_text().split()) == 7
    other = photos.parent / 'other'
    other.mkdir()
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(other / 'else.png')
    with pytest.raises(UserError, match='they go together by their names'):
        make_new(str(photos), str(other), 'none')


def test_what_is_left_out_is_named(photos, masks, capsys):
    folder = masks('numbers')
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / 'IMG 0.png')
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / 'nobody.png')
    (photos / 'broken.jpg').write_bytes(b'\xff\xd8\xff')
    (photos / 'a.heic').write_bytes(b'heic')
    make_new(str(photos), str(folder), 'mine', device='cpu')
    printed = capsys.readouterr().out
    for words in ('masks without an image: ', 'cannot be read: ', '(convert to JPEG or PNG): '):
        assert words in printed
    assert '9x9' in printed and 'IMG 0.jpg: 96x64' in printed
    assert 'IMG_0.jpg' not in Path('data/mine/train.txt').read_text()


@pytest.mark.parametrize('kind', ['photo', 'jpeg_numbers'])
def test_what_is_no_mask_is_refused(kind, photos, masks):
    folder = masks('numbers')
    for k in range(5):
        image, mask = render(k, (64, 96))
        if kind == 'photo':
            Image.fromarray(image).save(folder / f'IMG {k}.png')
        else:
            (folder / f'IMG {k}.png').unlink()
            Image.fromarray(mask).save(folder / f'IMG {k}.jpg')
    words = 'JPEG changes class numbers' if kind == 'jpeg_numbers' else 'and not photos|lie between'
    with pytest.raises(UserError, match=words):
        make_new(str(photos), str(folder), 'mine')


def test_nothing_is_written_where_the_images_are(photos, masks):
    with pytest.raises(UserError, match='lie in one another'):
        make_new(str(photos), str(masks('numbers')), 'mine', out=str(photos / 'new'))


def test_without_a_terminal_nothing_is_asked(capsys, monkeypatch):
    monkeypatch.setattr('sys.stdin.isatty', lambda: False, raising=False)
    assert run_new(['mine']) == 1
    assert 'semiseg_mm new NAME --images FOLDER --masks FOLDER' in capsys.readouterr().err


def test_on_a_terminal_it_asks(photos, masks, monkeypatch):
    answers = iter(['/nowhere', str(photos), str(masks('numbers')), '', ''])
    monkeypatch.setattr('sys.stdin.isatty', lambda: True, raising=False)
    monkeypatch.setattr('builtins.input', lambda question: next(answers))
    assert run_new(['mine', '--device', 'cpu']) == 0
    assert len(label_maps('mine')) == 5 and next(answers, None) is None
