"""Every leaf config is found by scanning, and must be what its name says."""

import math
import re
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config

import semiseg_mm.engine  # noqa: F401  (registers the runner)
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS, MODELS, RUNNERS

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
BASE = CONFIGS / '_base_'
LEAVES = sorted(p for p in CONFIGS.rglob('*.py') if BASE not in p.parents)
FOLDERS = sorted({leaf.parent for leaf in LEAVES})
NAME = re.compile(
    r'(?P<method>[a-z0-9-]+)_(?P<network>[a-z0-9]+(_r\d+)?-[a-z]\d+)'
    r'_(?P<gpus>\d+)xb(?P<labeled>\d+)\+(?P<unlabeled>\d+)-(?P<iters>\d+k?)'
    r'_(?P<dataset>[a-z]+)-(?P<split>[a-z0-9_-]+)-(?P<height>\d+)x(?P<width>\d+)'
)
each_leaf = pytest.mark.parametrize('leaf', LEAVES, ids=lambda p: p.stem)
each_folder = pytest.mark.parametrize('folder', FOLDERS, ids=lambda p: p.name)


@cache
def parsed(path: Path) -> dict:
    return Config.fromfile(path).to_dict()


def base(axis: str, name: str) -> dict:
    return parsed(BASE / axis / f'{name}.py')


def named(leaf: Path) -> dict:
    match = NAME.fullmatch(leaf.stem)
    assert match, f'{leaf.name} is not named by the scheme'
    return {
        k: int(v) if v and v.isdigit() and k != 'split' else v for k, v in match.groupdict().items()
    }


def nodes(value, kind: str) -> list[dict]:
    """All dicts of one type within a config."""
    if isinstance(value, dict):
        own = [value] if value.get('type') == kind else []
        return own + [n for item in value.values() for n in nodes(item, kind)]
    return [n for item in value for n in nodes(item, kind)] if isinstance(value, list) else []


def without(cfg: dict, *keys: str) -> dict:
    return {key: value for key, value in cfg.items() if key not in keys}


def without_weights(value):
    """A config that neither loads nor downloads pretrained weights."""
    if isinstance(value, dict):
        return {k: without_weights(v) for k, v in value.items() if k != 'init_cfg'}
    return [without_weights(v) for v in value] if isinstance(value, list) else value


MODELS_BUILT: dict = {}


def built(model: dict):
    """Built on the meta device, without memory; leaves that differ in the split share it."""
    key = repr(model)
    if key not in MODELS_BUILT:
        with torch.device('meta'):
            MODELS_BUILT[key] = MODELS.build(without_weights(model))
    return MODELS_BUILT[key]


# ------------------------------------------------------------------ the files


def test_there_are_leaves_of_several_methods():
    assert LEAVES and len(FOLDERS) >= 3


def test_leaf_of_the_readme_exists():
    name = 'cps-cutmix_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
    assert CONFIGS / 'cps' / name in LEAVES


@each_leaf
def test_leaf_is_short(leaf):
    lines = [line.strip() for line in leaf.read_text(encoding='utf-8').splitlines()]
    assert 0 < len([line for line in lines if line and not line.startswith('#')]) <= 15


@each_folder
def test_metafile_lists_exactly_the_leaves(folder):
    meta = yaml.safe_load((folder / 'metafile.yml').read_text(encoding='utf-8'))
    leaves = {leaf.relative_to(ROOT).as_posix() for leaf in LEAVES if leaf.parent == folder}
    listed = [model['Config'] for model in meta['Models']]
    assert sorted(listed) == sorted(leaves)
    collections = {collection['Name'] for collection in meta['Collections']}
    for model in meta['Models']:
        assert model['In Collection'] in collections
        assert model['Name'] == Path(model['Config']).stem
        assert 'Results' in model
    for collection in meta['Collections']:
        assert (ROOT / collection['README']).is_file()


def test_model_index_imports_every_metafile():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text(encoding='utf-8'))
    assert sorted(index['Import']) == [f'configs/{f.name}/metafile.yml' for f in FOLDERS]


@each_folder
def test_folder_has_a_readme_that_names_its_leaves_scheme(folder):
    text = (folder / 'README.md').read_text(encoding='utf-8')
    assert any(leaf.name in text for leaf in LEAVES if leaf.parent == folder)


# ------------------------------------------------------------------ name and content


@each_leaf
def test_method_is_the_named_one(leaf):
    """All that _base_/methods sets stays; the weight may depend on the dataset. Shapes, where
    networks start from scratch, may also change views and ramps, but not what names the method."""
    cfg, method = parsed(leaf), named(leaf)['method']
    expected = base('methods', method.replace('-', '_'))
    free = ['weight', 'segmentor', 'num_classes', 'test_cfg']
    on_shapes = named(leaf)['dataset'] == 'shapes'
    if on_shapes:
        free += ['student_view', 'covers', 'rampup_iters']
    assert without(cfg['model'], *free) == without(expected['model'], *free)
    hooks = [c.get('custom_hooks', []) for c in (cfg, expected)]
    if on_shapes:
        hooks = [[hook['type'] for hook in each] for each in hooks]
    assert hooks[0] == hooks[1]
    views = cfg['train_dataloader']['dataset']['views']
    assert views == expected['views'] or (on_shapes and set(views) == {'weak', 'strong'})
    assert ('cutmix' in method) == (cfg['model'].get('mixer') is not None)
    kind = MODELS.get(cfg['model']['type'])
    module = kind.__module__.rsplit('.', 1)[1]  # one file a paper, one folder a paper
    assert leaf.parent.name == module


def test_weights_of_cps_are_the_published_ones():
    published = {('cps', 'voc'): 1.5, ('cps-cutmix', 'voc'): 1.0}
    published |= {('cps', 'cityscapes'): 6.0, ('cps-cutmix', 'cityscapes'): 5.0}
    found = {}
    for leaf in LEAVES:
        key = named(leaf)['method'], named(leaf)['dataset']
        if key in published:
            found.setdefault(key, set()).add(parsed(leaf)['model']['weight'])
    assert found == {key: {weight} for key, weight in published.items()}


@each_leaf
def test_network_is_the_named_one(leaf):
    cfg, name = parsed(leaf), named(leaf)
    segmentor, known = cfg['model']['segmentor'], name['network'].replace('-s2', '_s2')
    ohem = '_ohem' if nodes(segmentor, 'OHEMPixelSampler') else ''
    expected = base('models', known + ohem)['segmentor']
    assert segmentor == expected
    backbone = segmentor['backbone']
    if depth := re.search(r'_r(\d+)', known):
        assert backbone['depth'] == int(depth.group(1))
        assert f'resnet{depth.group(1)}_' in backbone['init_cfg']['checkpoint']
    stride = 4 if backbone['type'].startswith('ResNet') else 1
    assert stride * math.prod(backbone['strides']) == int(
        re.search(r'-[a-z](\d+)$', name['network'])[1]
    )
    assert bool(ohem) == (name['dataset'] == 'cityscapes')  # as CPS trains


@each_leaf
def test_numbers_are_the_named_ones(leaf):
    cfg, name = parsed(leaf), named(leaf)
    sampler = dict(cfg['train_dataloader']['sampler'])
    assert (sampler['labeled'], sampler['unlabeled']) == (name['labeled'], name['unlabeled'])
    assert cfg['train_cfg']['max_iters'] == int(str(name['iters']).replace('k', '000'))
    kind = DATA_SAMPLERS.get(sampler.pop('type'))
    images = len(kind.layout(**sampler))  # in a process's batch: without labels' company, fewer
    assert cfg['auto_scale_lr']['base_batch_size'] == name['gpus'] * images
    assert sampler.get('labeled_only', False) == (cfg['model']['type'] == 'SupOnly')
    crops = nodes(cfg['train_dataloader'], 'ScaleCrop')
    sources = [s for s in ('labeled', 'unlabeled') if cfg['train_dataloader']['dataset'].get(s)]
    assert len(crops) == len(sources) == 2
    size = (name['height'], name['width'])
    assert not any('crop_size' in crop for crop in crops)  # it stands once, in the dataset
    assert tuple(cfg['train_dataloader']['dataset']['crop_size']) == size
    test_cfg = cfg['model'].get('test_cfg') or cfg['model']['segmentor']['test_cfg']
    assert test_cfg['mode'] == 'whole' or tuple(test_cfg['crop_size']) == size


@each_leaf
def test_sampling_is_the_named_one(leaf):
    """``-centroid`` and ``-coarse2fine`` in a method's name, and nowhere else."""
    cfg, method = parsed(leaf), named(leaf)['method']
    sampler = cfg['train_dataloader']['sampler']['type']
    assert method.endswith('-centroid') == (sampler == 'CentroidSampler')
    assert method.endswith('-coarse2fine') == bool(nodes(cfg, 'CropSizeSchedulerHook'))


@each_leaf
def test_data_is_the_named_one(leaf):
    cfg, name = parsed(leaf), named(leaf)
    expected = base('datasets', name['dataset'])
    dataset = dict(cfg['train_dataloader']['dataset'])
    split = dataset.pop('split', None)
    assert without(dataset, 'views') == expected['train_dataloader']['dataset']
    for key in ('val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'):
        assert cfg[key] == expected[key]
    if split is None:  # drawn, not listed: the split is the number of labeled scenes
        assert int(name['split']) == dataset['labeled']['num_images']
        assert dataset['labeled']['num_images'] <= dataset['unlabeled']['start']
    else:  # cityscapes-1_8 is splits/cps/1_8, voc-blended-1_8 is splits/blended_cps/1_8
        family, _, part = name['split'].rpartition('-')
        assert split == f'splits/{f"{family}_cps".lstrip("_")}/{part}'


# ------------------------------------------------------------------ building and running


@each_leaf
def test_model_builds_for_the_classes_of_the_dataset(leaf):
    cfg = parsed(leaf)
    assert cfg['model']['segmentor']['data_preprocessor'].get('size') is None
    model = built(cfg['model'])
    assert getattr(model.data_preprocessor.training_network, 'size', None) is None
    labeled = cfg['train_dataloader']['dataset']['labeled']['type']
    assert labeled == cfg['val_dataloader']['dataset']['type']
    classes = len(DATASETS.get(labeled).METAINFO['classes'])
    assert len(model.networks) >= 1
    for network in model.networks.values():
        assert network.decode_head.num_classes == network.decode_head.out_channels == classes
        if hasattr(network.backbone, 'depth'):
            assert network.backbone.depth == cfg['model']['segmentor']['backbone']['depth']


FILES = {  # the layout of the README: an image, its mask, its id
    'voc': ('JPEGImages/{}.jpg', 'SegmentationClassAug/{}.png', '2007_00003{}'),
    'cityscapes': (
        'leftImg8bit/train/{}_leftImg8bit.png',
        'gtFine/train/{}_gtFine_labelTrainIds.png',
        'aachen/aachen_00000{}_000019',
    ),
}


def write(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), array)


@pytest.mark.parametrize('name', FILES)
def test_leaf_reads_the_documented_layout(name, tmp_path):
    """Two labeled and two unlabeled images; the unlabeled ones have no mask that could be read."""
    leaf = next(p for p in LEAVES if p.stem.startswith('cps_') and named(p)['dataset'] == name)
    cfg = parsed(leaf)['train_dataloader']['dataset']
    image, mask, ids = FILES[name]
    lists = dict(labeled=[ids.format(1), ids.format(2)], unlabeled=[ids.format(3), ids.format(4)])
    for source, members in lists.items():
        file = tmp_path / cfg['split'] / f'{source}.txt'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('\n'.join(members) + '\n')
        for member in members:
            write(tmp_path / image.format(member), np.full((40, 60, 3), 90, np.uint8))
            if source == 'labeled':
                write(tmp_path / mask.format(member), np.full((40, 60), 3, np.uint8))
    sources = {key: dict(cfg[key], data_root=str(tmp_path)) for key in lists}
    dataset = DATASETS.build(dict(cfg, **sources))
    assert (dataset.num_labeled, dataset.num_unlabeled) == (2, 2)
    size = (named(leaf)['height'], named(leaf)['width'])
    for index, view in ((0, 'labeled'), (3, 'weak')):
        sample = dataset[index]
        assert set(sample) == {view}
        assert sample[view]['inputs'].shape == (3, *size)
    label = dataset[1]['labeled']['data_samples'].gt_sem_seg.data
    assert set(label.unique().tolist()) == {3, 255}  # 255 is the padding: the image is small


@pytest.mark.parametrize(
    'leaf',
    [p for p in LEAVES if '_shapes-' in p.stem],
    ids=lambda p: NAME.fullmatch(p.stem)['method'],
)
def test_shapes_leaf_trains(leaf, tmp_path):
    cfg = Config.fromfile(leaf)
    cfg.work_dir, cfg.experiment_name = str(tmp_path), leaf.stem
    schedules = nodes(cfg.to_dict(), 'CropSizeSchedulerHook')
    iters = len(schedules[0]['sizes']) if schedules else 1  # a crop phase needs an iteration
    cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = iters
    cfg.val_dataloader.dataset.num_images = 2
    cfg.train_dataloader.dataset.unlabeled.num_images = 16
    runner = RUNNERS.get(cfg.runner_type).from_cfg(cfg)
    before = [p.detach().clone() for p in runner.model.parameters()]
    runner.train()
    assert any((a != b).any() for a, b in zip(before, runner.model.parameters()))
    assert {f'iter_{iters}.pth', 'results.json'} <= {p.name for p in tmp_path.iterdir()}
