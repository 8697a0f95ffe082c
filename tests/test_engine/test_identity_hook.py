"""What the sampler and the label maps add to a checkpoint's identity."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config
from semiseg_mm.version import __version__

LOAD = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
CROP = dict(type='ScaleCrop', crop_size=(16, 16))


def config(folder, name, **extra):
    """CentroidSampler over 3 labeled and 4 pseudo-labeled images."""
    labeled = dict(
        _delete_=True,
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        metainfo=dict(classes=CLASSES),
        pipeline=[*LOAD, CROP, dict(type='PackSemiInputs')],
    )
    unlabeled = dict(
        _delete_=True,
        type='PseudoLabeledDataset',
        images=dict(type='UnlabeledDataset', img_path=str(folder / 'more')),
        label_dir=str(folder / 'labels'),
        pipeline=[*LOAD, CROP, dict(type='PackSemiInputs', view='pseudo')],
    )
    sampler = dict(
        _delete_=True, type='CentroidSampler', labeled=2, unlabeled=2, cache_dir=str(folder / 'c')
    )
    return toy_config(
        folder / name,
        dict(type='SupOnly'),
        **{
            'train_dataloader.dataset.labeled': labeled,
            'train_dataloader.dataset.unlabeled': unlabeled,
            'train_dataloader.sampler': sampler,
            **{f'train_dataloader.sampler.{key}': value for key, value in extra.items()},
        },
    )


@pytest.fixture(scope='module')
def killed(tmp_path_factory):
    """Images, label maps, and a run up to iteration 3 of 6."""
    init_default_scope('semiseg_mm')
    folder, rng = tmp_path_factory.mktemp('killed'), np.random.default_rng(1)
    for parts, names in ((('img', 'ann'), '012'), (('more', 'labels'), 'abcd')):
        for part in parts:
            (folder / part).mkdir()
        for name in names:
            image, mask = rng.integers(0, 256, (20, 24, 3)), rng.integers(0, 7, (20, 24))
            cv2.imwrite(str(folder / parts[0] / f'{name}.jpg'), image.astype(np.uint8))
            cv2.imwrite(str(folder / parts[1] / f'{name}.png'), mask.astype(np.uint8))
    build_runner(config(folder, 'run')).train()
    (folder / 'run/iter_6.pth').unlink()
    return folder


@pytest.fixture
def folder(killed, tmp_path):
    """A copy elsewhere: paths of machines do not count."""
    return shutil.copytree(killed, tmp_path / 'copy')


def resume(folder, **extra):
    cfg = config(folder, 'run', **extra)
    cfg.resume = True
    runner = build_runner(cfg)
    runner.train()
    return runner


def logs(folder):
    return ''.join(file.read_text() for file in folder.glob('run/*/*.log'))


def test_unchanged_it_goes_on(folder):
    assert resume(folder).iter == 6
    known = safe_load(folder / 'run/iter_6.pth')['meta']['semiseg_mm']
    assert known['version'] == __version__ and 'was written by' not in logs(folder)
    sampler = known['sampler']
    assert sampler['type'] == 'CentroidSampler' and sampler['fraction'] == '1/2'
    assert sampler['sources'] == ['labeled', 'unlabeled']
    assert {len(digest) for digest in sampler['labels'].values()} == {64}


@pytest.mark.parametrize(('file', 'source'), [('ann/1', 'labeled'), ('labels/c', 'unlabeled')])
def test_changed_labels_stop_the_resume(folder, file, source):
    path = str(folder / f'{file}.png')
    mask = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    mask[0, 0] = (mask[0, 0] + 1) % len(CLASSES)
    cv2.imwrite(path, mask)
    with pytest.raises(UserError, match=f'the labels of the {source} images changed') as caught:
        resume(folder)
    assert str(caught.value).count('changed (') == 1 and 'was' not in str(caught.value)


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (dict(fraction=0.25), 'fraction was 1/2, it is 1/4'),
        (dict(tile=8), 'tile was 1024, it is 8'),
        (dict(anchor='centroid'), 'anchor was pixel, it is centroid'),
        (dict(min_area=2), 'min_area was 16, it is 2'),
        (dict(sources=['labeled']), r"sources was \['labeled', 'unlabeled'\], it is \['labeled'\]"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else '',
)
def test_changed_settings_stop_the_resume(folder, change, text):
    with pytest.raises(UserError, match=f"the sampler's {text}"):
        resume(folder, **change)


def test_another_sampler_stops_the_resume(folder):
    cfg = config(folder, 'run', type='SourceRatioSampler')
    del cfg.train_dataloader.sampler['cache_dir']
    cfg.resume = True
    with pytest.raises(UserError, match='type was CentroidSampler, it is SourceRatioSampler'):
        build_runner(cfg).train()


def test_where_the_index_is_kept_does_not_matter(folder):
    assert resume(folder, cache_dir='').iter == 6


def test_checkpoints_that_do_not_say_are_resumed(folder):
    path = folder / 'run/iter_3.pth'
    older = safe_load(path)
    del older['meta']['semiseg_mm']['sampler'], older['meta']['semiseg_mm']['version']
    torch.save(older, path)
    assert resume(folder, fraction=0.25).iter == 6
    assert 'was written by' not in logs(folder)


def test_another_version_is_resumed_with_a_warning(folder):
    path = folder / 'run/iter_3.pth'
    older = safe_load(path)
    older['meta']['semiseg_mm']['version'] = '0.0.9'
    torch.save(older, path)
    assert resume(folder).iter == 6
    assert f'was written by semiseg_mm 0.0.9, this is {__version__}' in logs(folder)
