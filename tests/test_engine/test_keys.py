"""What counts as a change of a training: its images and weights do, where they lie does not."""

import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from semiseg_mm.apis.compare.settings import find_split, settings_of
from semiseg_mm.engine.keys import decisive, differences
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing.stages import run_stages, toy_stages

IMAGES, MASKS = 'images/a b', 'masks'


@pytest.fixture
def data(tmp_path):
    """Two images with masks, one without, and a label that a network made of it."""
    rng = np.random.default_rng(0)
    for folder, names in ((IMAGES, '01'), (MASKS, '01'), ('rest', '2'), ('made', '2')):
        (tmp_path / 'data' / folder).mkdir(parents=True)
        for name in names:
            path = tmp_path / f'data/{folder}/{name}.png'
            cv2.imwrite(str(path), rng.integers(0, 7, (8, 8, 3), dtype=np.uint8)[..., :1])
    shutil.move(tmp_path / 'data/made', tmp_path / 'made')
    return tmp_path / 'data'


def over(data, whole_paths=False, **extra) -> Config:
    cfg = toy_stages(data.parent / 'run', 'st', **extra)
    root, folder = ('', f'{data}/') if whole_paths else (str(data), '')
    load, dataset = dict(type='LoadImage'), cfg.train_dataloader.dataset
    dataset.labeled = dict(
        type='BaseSegDataset',
        metainfo=dict(classes=tuple('abcdefg')),
        data_root=root,
        data_prefix=dict(img_path=folder + IMAGES, seg_map_path=folder + MASKS),
        img_suffix='.png',
        pipeline=[load, dict(type='LoadAnnotations'), *dataset.labeled.pipeline[1:]],
    )
    pipeline = [load, *dataset.unlabeled.pipeline[1:]]
    dataset.unlabeled = dict(
        type='UnlabeledDataset', data_root=root, img_path=f'{folder}rest', pipeline=pipeline
    )
    cfg.val_dataloader.dataset = dataset.labeled
    cfg.stages[2].labels = [str(data.parent / 'made')]
    return cfg


def keys(cfg) -> list[dict]:
    """Of teacher and student, as a run has them, and of a comparison."""
    stages = build_runner(cfg).stages
    return [stages['teacher'].key(), stages['student'].key(), settings_of(cfg, 0, find_split(cfg))]


@pytest.mark.parametrize('whole_paths', [False, True])
def test_moved_data_are_the_same(data, whole_paths):
    before = keys(over(data, whole_paths))
    moved = shutil.move(data, data.parent / 'moved')
    assert keys(over(moved, whole_paths)) == before


def test_other_images_of_the_same_names_are_not(data):
    before = keys(over(data))
    cv2.imwrite(str(data / IMAGES / '0.png'), np.zeros((9, 8), np.uint8))
    teacher, student, compared = (
        list(differences(*pair)) for pair in zip(before, keys(over(data)), strict=True)
    )
    assert teacher == student == ['images.labeled: image files of other sizes']
    assert compared[0] == teacher[0] and compared[1].startswith('images.val: image files')


def test_remote_images_are_known_by_their_place():
    def key(root):
        source = dict(type='X', data_root=root, ann_file='a.txt', img_suffix='.png')
        dataset = dict(labeled=source, split='s/1')
        return decisive(dict(train_dataloader=dict(dataset=dataset)))['train_dataloader']

    assert key('s3://a') != key('s3://b')
    assert key('a') == key('b') == dict(dataset=dict(labeled=dict(type='X', img_suffix='.png')))


def save(path, **more):
    weights = dict(a=torch.ones(2))
    torch.save(dict(state_dict=dict(weights, **more.pop('weights', {})), **more), path)
    return str(path)


def test_weights_to_start_from_count_by_their_content(tmp_path):
    def key(path):
        init = dict(init_cfg=dict(type='Pretrained', checkpoint=path))
        return decisive(dict(load_from=path, model=dict(segmentor=[dict(backbone=init)])))

    before = key(save(tmp_path / 'a.pth', meta=dict(time=1)))
    assert key(save(tmp_path / 'b.pth', meta=dict(time=2))) == before
    other = key(save(tmp_path / 'a.pth', weights=dict(b=torch.zeros(3))))
    places = [text.split(' was ')[0] for text in differences(before, other)]
    assert sorted(places) == ['load_from', 'model.segmentor.0.backbone.init_cfg.checkpoint']
    url = 'torchvision://resnet50'
    assert key(url)['load_from'] == url and decisive(dict(load_from=None)) == dict(load_from=None)


def test_a_replaced_load_from_is_noticed(data):
    path = data.parent / 'start.pth'
    before = keys(over(data, load_from=save(path)))
    after = keys(over(data, load_from=save(path, weights=dict(b=torch.zeros(3)))))
    for one, two in zip(before, after, strict=True):
        (text,) = differences(one, two)
        assert text.startswith('config.load_from was weights ')


def test_a_missing_load_from_stops_before_a_folder_is_put_aside(tmp_path):
    with pytest.raises(UserError, match=r'load_from=nowhere\.pth: there is no such checkpoint'):
        run_stages(toy_stages(tmp_path / 'run', 'st', load_from='nowhere.pth'))
    assert not list(tmp_path.glob('run/0*'))
