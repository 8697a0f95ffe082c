from pathlib import Path

import pytest
from mmengine.config import Config

from semiseg_mm.apis.values import RULES, check_values
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config

WRONG = {
    'train_dataloader.dataset.crop_size': [(0, 0), (-8, 8), 'abc', (16,), (8, 8, 8), (8.5, 8), 0],
    'train_dataloader.dataset.scale': [1.0, 'abc', (0, 0), (-1, 1), ()],
    'train_dataloader.num_workers': ['', -1, 'abc', 1.5, None],
    'val_dataloader.batch_size': [0, 'abc', None],
    'val_evaluator.iou_metrics': [5, 'mIoU', ['abc']],
    'model.strong_views': [5, 'strong'],
    'auto_scale_lr.base_batch_size': ['abc', 0],
    'log_level': ['abc', 5, None],
    'load_from': [-1],
    'model.segmentor.decode_head.align_corners': ['abc'],
    'model.segmentor.data_preprocessor.mean': [5, 'abc', ['a', 'b', 'c']],
    'model.segmentor.data_preprocessor.bgr_to_rgb': ['abc', 1],
    'model.segmentor.decode_head.in_channels': ['abc', -1, None, [4, 0]],
    'model.segmentor.decode_head.in_index': ['abc', None],
    'model.segmentor.decode_head.num_convs': ['abc', -1],
    'train_dataloader.sampler.labeled': ['abc', 1.5, None, 0],
    'optim_wrapper.optimizer.lr': ['abc', -1],
    'model.weight': ['abc', None],
    'randomness.seed': ['abc', -1, 1.5, 2**32],
    'default_hooks.logger.interval': [0, 'abc'],
    'model.segmentor.decode_head.dropout_ratio': [2, 'abc', True],
}


def toy(folder, path, value):
    cfg = toy_config(folder, dict(type='SupOnly'))
    cfg.merge_from_dict({path: value})
    return cfg


@pytest.mark.parametrize(('path', 'value'), [(k, v) for k, values in WRONG.items() for v in values])
def test_a_value_that_cannot_be_meant_is_named(path, value, tmp_path):
    with pytest.raises(UserError) as caught:
        check_values(toy(tmp_path, path, value))
    assert str(caught.value).startswith(f'{path}={value!r}: give {RULES[path].text}')


@pytest.mark.parametrize(
    ('path', 'value'),
    [
        ('train_dataloader.dataset.crop_size', 16),
        ('train_dataloader.dataset.crop_size', [16, 8]),
        ('train_dataloader.dataset.crop_size', None),
        ('train_dataloader.dataset.scale', [0.5, 1, 2]),
        ('randomness.seed', None),
        ('optim_wrapper.optimizer.lr', 0),
        ('optim_wrapper.optimizer.lr', None),
        ('train_dataloader.batch_size', None),
        ('model', dict(segmentor=[dict(decode_head=1)])),
    ],
)
def test_what_may_be_meant_passes(path, value, tmp_path):
    check_values(toy(tmp_path, path, value))


def test_the_configs_of_this_project_pass():
    root = Path(__file__).parents[2] / 'configs'
    for file in sorted(root.glob('sup_only/*_shapes-*.py')):
        check_values(Config.fromfile(file))


def test_the_networks_of_this_project_pass():
    root = Path(__file__).parents[2] / 'configs/_base_/models'
    files = sorted(root.glob('*.py'))
    assert len(files) > 5
    for file in files:
        check_values(Config(dict(model=dict(segmentor=Config.fromfile(file).segmentor))))
