"""Every leaf config is found by scanning, and must be what its name says."""

import copy
import json
import math
import re
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config

import semiseg_mm.engine  # noqa: F401  (registers the runner)
from semiseg_mm.apis.make_splits import run_make_splits
from semiseg_mm.datasets.split_lists import registry
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS, MODELS, RUNNERS
from semiseg_mm.testing.networks import on_meta

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
BASE = CONFIGS / '_base_'
LEAVES = sorted(p for p in CONFIGS.rglob('*.py') if BASE not in p.parents)
FOLDERS = sorted({leaf.parent for leaf in LEAVES})
NAME = re.compile(
    r'(?P<method>[a-z0-9-]+)'
    r'_(?P<network>[a-z0-9]+(_(?:r|x|wrn)\d+)?-[a-z]\d+|fast-scnn|dpt_dinov2-[sb]|segformer_b\d'
    r'|hrnet_w18|ddrnet_23-slim|upernet_vit-b16)'
    r'_(?P<gpus>\d+)xb(?P<labeled>\d+)(?:\+(?P<unlabeled>\d+))?-(?P<length>\d+[ke]?)'
    r'_(?P<dataset>[a-z0-9]+)-(?P<split>[a-z0-9_-]+)-(?P<height>\d+)x(?P<width>\d+)'
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


def merged(cfg: dict, override: dict) -> dict:
    return Config(Config._merge_a_into_b(copy.deepcopy(override), copy.deepcopy(cfg))).to_dict()


def trainings(cfg: dict) -> list[dict]:
    return [stage for stage in cfg.get('stages', ()) if stage['type'] == 'TrainStage']


@cache
def last_training(leaf: Path) -> dict:
    """The config that a leaf's name describes: of a staged run, the last student's."""
    cfg = parsed(leaf)
    return merged(cfg, trainings(cfg)[-1].get('cfg', {})) if cfg.get('stages') else cfg


def method_base(leaf: Path) -> dict:
    """What _base_/methods has; how crops are drawn has a file of its own only where need be."""
    method = named(leaf)['method']
    while not (BASE / 'methods' / f'{method.replace("-", "_")}.py').exists():
        method, plain = re.sub('-(centroid|coarse2fine)$', '', method), method
        assert method != plain, f'_base_/methods has no {plain}'
    return base('methods', method.replace('-', '_'))


def nodes(value, kind: str) -> list[dict]:
    """All dicts of one type within a config."""
    if isinstance(value, dict):
        own = [value] if value.get('type') == kind else []
        return own + [n for item in value.values() for n in nodes(item, kind)]
    return [n for item in value for n in nodes(item, kind)] if isinstance(value, list) else []


def without(cfg: dict, *keys: str) -> dict:
    return {key: value for key, value in cfg.items() if key not in keys}


def stripped(value, name: str):
    """Without all keys of that name, at any depth."""
    if isinstance(value, dict):
        return {k: stripped(v, name) for k, v in value.items() if k != name}
    return [stripped(v, name) for v in value] if isinstance(value, list) else value


def without_weights(value):
    """A config that neither loads nor downloads pretrained weights."""
    return stripped(value, 'init_cfg')


MODELS_BUILT: dict = {}


def built(model: dict):
    """Built on the meta device, without memory; leaves that differ in the split share it."""
    key = repr(model)
    if key not in MODELS_BUILT:
        with on_meta():
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
    """All that _base_/methods sets stays; weight and threshold may depend on the dataset. The small
    UNet, which starts from scratch, may also change views, weights and ramps, but not what names
    the method."""
    cfg, method, expected = parsed(leaf), named(leaf)['method'], method_base(leaf)
    free = ['weight', 'segmentor', 'num_classes', 'test_cfg', 'filter']
    from_scratch = named(leaf)['network'] == 'unet-s2'
    if from_scratch:
        free += ['student_view', 'covers', 'rampup_iters', 'supervised_weight', 'dropped_weight']
    assert without(cfg['model'], *free) == without(expected['model'], *free)
    filters = [without(c['model'].get('filter') or {}, 'value') for c in (cfg, expected)]
    assert filters[0] == filters[1]
    hooks = [c.get('custom_hooks', []) for c in (cfg, expected)]
    hooks = [[h for h in each if h['type'] != 'CropSizeSchedulerHook'] for each in hooks]
    if from_scratch:
        hooks = [[hook['type'] for hook in each] for each in hooks]
    assert hooks[0] == hooks[1]
    views = cfg['train_dataloader']['dataset']['views']
    own = ({'weak', 'strong'}, set(expected['views']))
    assert views == expected['views'] or (from_scratch and set(views) in own)
    module = MODELS.get(cfg['model']['type']).__module__.rsplit('.', 1)[1]
    if module == 'weak_to_strong':  # papers that are choices of its slots, one folder a paper
        assert method.replace('-', '_').removesuffix('_v1') == leaf.parent.name
        return
    assert ('cutmix' in method) == (cfg['model'].get('mixer') is not None)
    # one file a paper, one folder a paper
    assert leaf.parent.name == module or (leaf.parent.name, module) == ('st', 'st_plus_plus')


def test_weights_of_cps_are_the_published_ones():
    published = {('cps', 'voc'): 1.5, ('cps-cutmix', 'voc'): 1.0}
    published |= {('cps', 'cityscapes'): 6.0, ('cps-cutmix', 'cityscapes'): 5.0}
    found = {}
    for leaf in LEAVES:
        key = named(leaf)['method'], named(leaf)['dataset']
        if key in published:
            found.setdefault(key, set()).add(parsed(leaf)['model']['weight'])
    assert found == {key: {weight} for key, weight in published.items()}


def test_thresholds_are_the_published_ones():
    """0 on Cityscapes in the code of UniMatch, 0.95 everywhere in that of UniMatch V2."""
    published = {(m, 'voc'): 0.95 for m in ('fixmatch', 'fixmatch-v1', 'unimatch', 'unimatch-v2')}
    published |= {('fixmatch-v1', 'cityscapes'): 0, ('unimatch', 'cityscapes'): 0}
    published |= {('fixmatch', 'cityscapes'): 0.95, ('unimatch-v2', 'cityscapes'): 0.95}
    published |= {(m, 'ade20k'): 0.95 for m in ('fixmatch', 'unimatch', 'unimatch-v2')}
    published |= {(m, 'coco'): 0.95 for m in ('fixmatch', 'fixmatch-v1', 'unimatch', 'unimatch-v2')}
    published |= {('cutmix-seg', 'voc'): 0.97, ('cutmix-seg', 'cityscapes'): 0.97}
    found = {}
    for leaf in LEAVES:
        key = named(leaf)['method'], named(leaf)['dataset']
        if key in published:
            found.setdefault(key, set()).add(parsed(leaf)['model']['filter']['value'])
    assert found == {key: {value} for key, value in published.items()}


@each_leaf
def test_network_is_the_named_one(leaf):
    cfg, name = last_training(leaf), named(leaf)
    segmentor, known = cfg['model']['segmentor'], re.sub('-(s2|scnn)$', r'_\1', name['network'])
    ohem = '_ohem' if nodes(segmentor, 'OHEMPixelSampler') else ''
    if ohem and name['split'].startswith('unimatch'):  # which keeps twice as many as CPS
        ohem += '_200k'
    weights = '_camvid' * (name['dataset'] == 'camvid' and known == 'unet_s2')
    expected = base('models', known + ohem + weights)['segmentor']
    assert segmentor == expected
    backbone = segmentor['backbone']
    if depth := re.search(r'_[rx](\d+)', known):
        assert backbone['depth'] == int(depth.group(1))
        weights = backbone['init_cfg']['checkpoint']
        assert re.search(rf'resne(t|xt){depth.group(1)}[_-]', weights)
    if stride := re.search(r'-[ds](\d+)$', name['network']):
        stem = 4 if 'ResNe' in backbone['type'] else 1
        assert stem * math.prod(backbone['strides']) == int(stride.group(1))
    if 'stages' not in cfg and name['method'] != 'cutmix-seg':  # as CPS and UniMatch train
        assert bool(ohem) == (name['dataset'] == 'cityscapes')


CAMVID = ROOT.parent / 'shared/data/camvid'


@pytest.mark.skipif(not CAMVID.is_dir(), reason='needs CamVid')
def test_class_weights_of_camvid_are_counted_on_the_labels_that_are_used(tmp_path):
    run_make_splits([f'{CAMVID}/images/train', '--labeled', '1/30', '--out', str(tmp_path)])
    ids = (tmp_path / '1_30/labeled.txt').read_text().split()
    masks = [cv2.imread(f'{CAMVID}/labels/train/{one}.png', cv2.IMREAD_UNCHANGED) for one in ids]
    counts = np.stack([np.bincount(mask.ravel(), minlength=12)[:11] for mask in masks])
    frequency = counts.sum(0) / ((counts > 0).sum(0) * masks[0].size)  # where a class is shown
    weights = np.sqrt(np.median(frequency) / frequency)
    loss = base('models', 'unet_s2_camvid')['segmentor']['decode_head']['loss_decode']
    assert len(ids) == 13 and loss['class_weight'] == weights.round(1).tolist()


@each_leaf
def test_numbers_are_the_named_ones(leaf):
    cfg, name = last_training(leaf), named(leaf)
    sampler = dict(cfg['train_dataloader']['sampler'])
    if 'batch_size' in sampler:  # drawn from one list
        assert (sampler['batch_size'], None) == (name['labeled'], name['unlabeled'])
    else:
        expected = (name['labeled'], name['unlabeled'] or 0)
        assert (sampler['labeled'], sampler['unlabeled']) == expected
    if not str(name['length']).endswith('e'):
        assert cfg['train_cfg']['max_iters'] == int(str(name['length']).replace('k', '000'))
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
    cfg, method = last_training(leaf), named(leaf)['method']
    sampler = cfg['train_dataloader']['sampler']['type']
    assert ('-centroid' in method) == (sampler == 'CentroidSampler')
    assert method.endswith('-coarse2fine') == bool(nodes(cfg, 'CropSizeSchedulerHook'))


@each_leaf
def test_data_is_the_named_one(leaf):
    """cityscapes-extra is the base cityscapes_extra; the lists of stpp come with voc_st, those of
    unimatch with voc_unimatch or, for DINOv2, voc_unimatch_v2, …; small crops of Cityscapes and
    CamVid with cityscapes_half and camvid_small."""
    cfg, name = last_training(leaf), named(leaf)
    family, _, part = str(name['split']).rpartition('-')
    kind = '_extra' if name['split'] == 'extra' else ''
    kind = dict(stpp='_st', unimatch='_unimatch').get(family, kind)
    kind += '_v2' * ('dinov2' in name['network'])
    shrunk = dict(cityscapes='_half', camvid='_small')
    kind = shrunk.get(name['dataset'], kind) if name['height'] < 300 else kind
    expected = base('datasets', name['dataset'] + kind)
    dataset = dict(cfg['train_dataloader']['dataset'])
    split = dataset.pop('split', None)
    assert without(dataset, 'views') == expected['train_dataloader']['dataset']
    for key in ('val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator'):
        assert cfg[key] == expected[key]
    if name['dataset'] == 'shapes':  # drawn, not listed: the split is the number of labels
        assert split is None and int(name['split']) == dataset['labeled']['num_images']
        assert dataset['labeled']['num_images'] <= dataset['unlabeled']['start']
    elif name['split'] in ('all', 'extra'):  # every training image is labeled
        assert split is None
    elif family == 'stpp':
        assert split == 'splits/stpp/' + ('1.4k' if part == '1464' else f'{part}/split_0')
    elif family == 'unimatch':
        assert split == f'splits/unimatch/{part}'
    elif name['split'].startswith('mine-'):  # of tools/make_splits.py
        assert split == 'splits/' + name['split'].replace('mine-', 'mine/').replace('-', '_')
    else:  # cityscapes-1_8 is splits/cps/1_8, voc-blended-1_8 is splits/blended_cps/1_8
        assert split == f'splits/{f"{family}_cps".lstrip("_")}/{part}'


# ------------------------------------------------------------------ staged runs

METHOD_FILES = {folder: BASE / 'methods' / f'{folder.name}.py' for folder in FOLDERS}
STAGED = [p for p in LEAVES if '\nstages = ' in METHOD_FILES[p.parent].read_text(encoding='utf-8')]
each_staged_leaf = pytest.mark.parametrize('leaf', STAGED, ids=lambda p: p.stem)


def test_staged_leaves_are_known_by_their_folder():
    assert [leaf for leaf in LEAVES if 'stages' in parsed(leaf)] == STAGED != []


@each_staged_leaf
def test_stages_are_the_methods(leaf):
    """A leaf gives each training its own values and its own batches of images to label, and Shapes
    has scales of its own; no more."""
    free = ['cfg', 'batch_size'] + ['scales'] * (named(leaf)['dataset'] == 'shapes')
    stages, expected = parsed(leaf)['stages'], method_base(leaf)['stages']
    assert [without(s, *free) for s in stages] == [without(s, *free) for s in expected]
    for stage, known in zip(stages, expected):  # what the method itself sets stays
        own, expected_cfg = (stripped(one.get('cfg', {}), '_delete_') for one in (stage, known))
        assert merged(own, expected_cfg) == own


def list_sizes(dataset: str, split: str) -> dict[str, int]:
    """Of a published split of ST++, by role."""
    name = '1.4k' if split == '1464' else f'{split}/split_0'
    records = [r for r in registry() if (r.family, r.dataset, r.split) == ('stpp', dataset, name)]
    return {record.role: record.unique_ids for record in records}


LABELED = {  # published lists that are not registered; their unlabeled lists are all other images
    'ade20k': (20210, {'1_64': 316, '1_32': 631, '1_16': 1263, '1_8': 2526, '1_4': 5052}),
    'coco': (118287, {'1_512': 232, '1_256': 463, '1_128': 925, '1_64': 1849, '1_32': 3697}),
}


def unlabeled_images(dataset: str, split: str) -> int:
    """Of a split of UniMatch's or UniMatch V2's repository."""
    if dataset in LABELED:
        total, labeled = LABELED[dataset]
        return total - labeled[split]
    key = 'unimatch', dataset, split, 'unlabeled'
    (size,) = (r.unique_ids for r in registry() if (r.family, r.dataset, r.split, r.role) == key)
    return size


@pytest.mark.parametrize(
    'leaf',
    [p for p in LEAVES if p not in STAGED and str(named(p)['length']).endswith('e')],
    ids=lambda p: p.stem,
)
def test_epochs_are_those_of_the_unlabeled_list(leaf):
    """As the code of UniMatch: each of 4 processes takes ceil(n / 4) images, 2 in an iteration; in
    that of UniMatch V2 4 on VOC and COCO."""
    cfg, name = parsed(leaf), named(leaf)
    dataset, v2 = name['dataset'], 'dinov2' in name['network']
    size = unlabeled_images(dataset, str(name['split']).rpartition('-')[2])
    images = 4 if v2 and dataset in ('voc', 'coco') else 2
    assert (name['gpus'], name['labeled'], name['unlabeled']) == (4, images, images)
    epochs = dict(voc=60, cityscapes=180, ade20k=60, coco=20)
    epochs = epochs if v2 else dict(voc=80, cityscapes=240, coco=30)
    assert name['length'] == f'{epochs[dataset]}e'
    iters = epochs[dataset] * (math.ceil(size / 4) // images)
    assert cfg['train_cfg']['max_iters'] == iters
    assert cfg['train_cfg']['val_interval'] == iters // 10
    check_optimizer(cfg, name)


def check_optimizer(cfg: dict, name: dict) -> None:
    """Published rates: of UniMatch by dataset, of UniMatch V2 everywhere the same."""
    optimizer = cfg['optim_wrapper']['optimizer']
    keys = cfg['optim_wrapper']['paramwise_cfg']['custom_keys']
    if 'dinov2' in name['network']:
        assert (optimizer['type'], optimizer['lr']) == ('AdamW', 2e-4)
        assert keys == dict(backbone=dict(lr_mult=5e-6 / 2e-4))
        return
    rate, head = dict(voc=(0.001, 10), cityscapes=(0.005, 1), coco=(0.004, 10))[name['dataset']]
    assert (optimizer['type'], optimizer['lr']) == ('SGD', rate)
    assert keys == dict(decode_head=dict(lr_mult=head))


def test_supervised_baselines_of_unimatch_v2_are_the_published_ones():
    """As its code: the labeled list is repeated to a fixed length, a batch holds labels alone."""
    lengths = dict(voc=(60, 3000), cityscapes=(180, 3000), ade20k=(60, 6000), coco=(20, 30000))
    leaves = [p for p in LEAVES if p.stem.startswith('sup-only_dpt_dinov2')]
    for leaf in leaves:
        cfg, name = parsed(leaf), named(leaf)
        epochs, images = lengths[name['dataset']]
        assert name['labeled'] == (8 if name['dataset'] in ('voc', 'coco') else 4)
        assert cfg['train_cfg']['max_iters'] == epochs * (images // 4 // name['labeled'])
        check_optimizer(cfg, name)
    semi = {re.sub('_4xb.*?_', '_', p.stem) for p in LEAVES if 'unimatch-v2_dpt' in p.stem}
    own = {re.sub('_4xb.*?_', '_', p.stem).replace('sup-only', 'unimatch-v2') for p in leaves}
    assert own == semi and len(own) == len(leaves)


@pytest.mark.parametrize(
    'leaf',
    [leaf for leaf in STAGED if str(named(leaf)['length']).endswith('e')],
    ids=lambda p: p.stem,
)
def test_epochs_are_those_of_each_stages_list(leaf):
    """As the code of ST++: batches of 16, the incomplete one left out, the labels repeated."""
    cfg, name = parsed(leaf), named(leaf)
    sizes = list_sizes(name['dataset'], str(name['split']).rpartition('-')[2])
    labeled, unlabeled = sizes['labeled'], sizes['unlabeled']
    assert f'{labeled} labeled, {unlabeled} unlabeled' in leaf.read_text(encoding='utf-8')
    epochs = int(name['length'][:-1])
    pseudo = dict(teacher=0, first_student=unlabeled // 2, student=unlabeled)
    for stage in trainings(cfg):
        count = pseudo[stage['name']]
        images = math.ceil(count / labeled) * labeled + count
        if not count:
            images = labeled * (2 if labeled < 200 else 1)
        own = merged(cfg, stage['cfg'])
        assert own['train_cfg']['max_iters'] == epochs * (images // 16)
        assert own['auto_scale_lr']['base_batch_size'] == 16 == name['gpus'] * name['labeled']
        sampler = own['train_dataloader']['sampler']
        assert sampler['type'] == ('LabeledOversampleSampler' if count else 'SourceRatioSampler')
        assert sampler.get('batch_size', sampler.get('labeled')) == name['labeled']
    assert cfg['train_cfg']['max_iters'] == own['train_cfg']['max_iters']
    rate = dict(voc=0.001, cityscapes=0.004)[name['dataset']]
    assert cfg['optim_wrapper']['optimizer']['lr'] == rate
    head = cfg['optim_wrapper']['paramwise_cfg']['custom_keys']['decode_head']['lr_mult']
    assert head == (1 if 'deeplabv2' in name['network'] else 10)


def test_teacher_of_another_student_is_the_known_network():
    teacher = base('methods', 'self_training_x50')['stages'][0]['cfg']['model']['segmentor']
    expected = base('models', 'deeplabv3plus_x50-d16')['segmentor']
    assert without(teacher, '_delete_') == expected


@each_staged_leaf
def test_every_training_of_a_staged_leaf_builds(leaf, tmp_path):
    """The runner checks the options of all stages; then each has its network, labels, batches."""
    cfg = Config.fromfile(leaf)
    cfg.work_dir = str(tmp_path / 'run')
    runner = RUNNERS.get(cfg.runner_type).from_cfg(cfg)
    assert cfg.runner_type == 'StagedRunner' and not (tmp_path / 'run').exists()
    for stage in (runner.stages[s['name']] for s in trainings(cfg)):
        own = stage.cfg.to_dict()
        network = built(own['model']).networks['student']
        dataset, sampler = (
            own['train_dataloader']['dataset'],
            dict(own['train_dataloader']['sampler']),
        )
        classes = len(DATASETS.get(dataset['labeled']['type']).METAINFO['classes'])
        assert network.decode_head.num_classes == classes
        assert own['val_dataloader']['dataset']['type'] == dataset['labeled']['type']
        assert (dataset['unlabeled'] is None) == stage.sup_only == (not stage.labels)
        assert own['train_cfg']['val_interval'] <= own['train_cfg']['max_iters']
        places = DATA_SAMPLERS.get(sampler.pop('type')).layout(**sampler)
        assert (1 in places) <= bool(stage.labels)  # SupOnly's batches have no other images
        assert own['auto_scale_lr']['base_batch_size'] == named(leaf)['gpus'] * len(places)


@each_staged_leaf
def test_staged_leaf_has_a_yardstick(leaf):
    """``tools/train.py LEAF --sup-only``"""
    cfg = make_sup_only(Config.fromfile(leaf))
    assert cfg.runner_type == 'SemiRunner' and cfg.model.type == 'SupOnly'
    assert cfg.train_cfg.max_iters == last_training(leaf)['train_cfg']['max_iters']


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
    'camvid': ('images/train/{}.png', 'labels/train/{}.png', '0016E5_0000{}'),
}


def write(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(file), array)


@pytest.mark.parametrize('name', FILES)
def test_leaf_reads_the_documented_layout(name, tmp_path):
    """Two labeled and two unlabeled images; the unlabeled ones have no mask that could be read."""
    weak_alone = ('cps_', 'sup-only_')
    leaf = next(p for p in LEAVES if p.stem.startswith(weak_alone) and named(p)['dataset'] == name)
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
    [p for p in LEAVES if '_shapes-' in p.stem and p not in STAGED],
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


@pytest.mark.parametrize('method', ['st-plus-plus', 'self-training-centroid-coarse2fine'])
def test_staged_shapes_leaf_runs(method, tmp_path):
    """All of it, with three iterations of each training."""
    (leaf,) = (p for p in STAGED if p.stem.startswith(f'{method}_unet'))
    cfg = Config.fromfile(leaf)
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg.max_iters = cfg.train_cfg.val_interval = 3
    cfg.val_dataloader.dataset.num_images = 2
    cfg.train_dataloader.dataset.unlabeled.num_images = 16
    for stage in cfg.stages:
        if stage.type != 'TrainStage':
            stage.workers = 0
    if cfg.train_dataloader.sampler.type == 'CentroidSampler':
        cfg.train_dataloader.sampler.cache_dir = ''
    RUNNERS.get(cfg.runner_type).from_cfg(cfg).train()
    results = json.loads((tmp_path / 'results.json').read_text(encoding='utf-8'))
    assert [stage['name'] for stage in results['stages']] == [s['name'] for s in cfg.stages]
    assert results['networks']['student']['mIoU']['last_iter'] == 3
    folder = tmp_path / f'{len(cfg.stages):02d}_student'
    assert (folder / 'iter_3.pth').is_file()
    if method == 'st-plus-plus':
        lists = ('reliable.txt', 'rest.txt')
        ranked = [(tmp_path / '02_ranking' / file).read_text().split() for file in lists]
        assert [len(ids) for ids in ranked] == [8, 8] and not set(ranked[0]) & set(ranked[1])
        labels = sorted(tmp_path.glob('0[35]_*_labels/labels/**/*.png'))
        assert len(labels) == 16
