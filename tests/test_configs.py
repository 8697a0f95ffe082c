"""Every leaf config is found by scanning, and must be what its name says.

No method is known here. What is published of one stands in configs/<method>/published.yml, a list
of entries that each speak of the leaves whose name matches the pattern ``name``:

    has             values of a leaf (of a staged one, of its last training); None: not there
    free            keys that a leaf may set otherwise than its file of _base_/methods; patterns
    network         suffix of the file of _base_/models: _ohem
    dataset         file of _base_/datasets, where its name does not follow from the leaf's
    iterations      on the lists of the split; for a staged leaf by training
    same_leaves_as  a pattern of leaves with the same networks, datasets and splits
    warns           checks of engine/watches that warn of what is published: FewImages

configs/_base_/published.yml speaks of the leaves of all folders. The last entry counts.
"""

import ast
import copy
import fnmatch
import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import cv2
import numpy as np
import pytest
import yaml
from mmengine.config import Config, ConfigDict
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

import semiseg_mm.engine  # noqa: F401  (registers the runner)
from semiseg_mm.apis.data.make_splits import run_make_splits
from semiseg_mm.datasets.split_lists import registry
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.engine.train_plan import TrainPlan, plan_of
from semiseg_mm.engine.watches import FewImages, LongMemory, ManyRepeats, ManyUnseen
from semiseg_mm.engine.watches.teacher import Average
from semiseg_mm.models.named_network import named_network
from semiseg_mm.models.sketch import size_divisor_of, sketch
from semiseg_mm.registry import DATA_SAMPLERS, DATASETS, MODELS, RUNNERS
from semiseg_mm.testing.networks import on_meta

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs'
BASE = CONFIGS / '_base_'
LEAVES = sorted(p for p in CONFIGS.rglob('*.py') if BASE not in p.parents)
FOLDERS = sorted({leaf.parent for leaf in LEAVES})
# a network's file by its name in a leaf's: unet-s2 and fast-scnn are one word there
NETWORKS = {re.sub('_(s2|scnn)$', r'-\1', p.stem): p.stem for p in (BASE / 'models').glob('*.py')}
ONE = f'(?:{"|".join(map(re.escape, sorted(NETWORKS, reverse=True)))})'
NAME = re.compile(
    r'(?P<method>[a-z0-9-]+)'
    rf'_(?P<network>{ONE}(?:\+{ONE})*)'  # several of different architecture: one+other
    r'_(?P<gpus>\d+)xb(?P<labeled>\d+)(?:\+(?P<unlabeled>\d+))?-(?P<length>\d+[ke]?)'
    r'_(?P<dataset>[a-z0-9]+)-(?P<split>[a-z0-9_-]+)-(?P<height>\d+)x(?P<width>\d+)'
)
WORDS = ('name', 'has', 'free', 'network', 'dataset', 'iterations', 'same_leaves_as', 'warns')
DATASET_FILES = {p.stem for p in (BASE / 'datasets').glob('*.py')}
SLOTS = ('model.segmentor', 'model.num_classes', 'model.test_cfg')  # for every leaf to fill
each_folder = pytest.mark.parametrize('folder', FOLDERS, ids=lambda p: p.name)


def each_leaf(check: Callable[[Path], None]) -> Callable[[], None]:
    """A test that looks at all leaves and then names each one that is not as it should be."""

    def test() -> None:
        found = []
        for leaf in LEAVES:
            try:
                check(leaf)
            except Exception as error:
                found.append(f'{leaf.relative_to(CONFIGS)}: {type(error).__name__}: {error}')
        if found:
            lines = '\n'.join(found)
            raise AssertionError(f'{len(found)} of {len(LEAVES)} leaves:\n{lines}')

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test


@cache
def parsed(path: Path) -> dict:
    with patch.object(Config, '_file2dict', staticmethod(read)):
        return Config.fromfile(path).to_dict()


READ, FILES_READ = Config._file2dict, {}


def read(filename: str, *args, **options) -> tuple:
    """Read a file once for all leaves that have it as a base: most of the time went there."""
    path = Path(filename).resolve()
    if path not in FILES_READ:
        FILES_READ[path] = READ(filename, *args, **options)
    return copy.deepcopy(FILES_READ[path])


def fresh(leaf: Path) -> Config:
    """A config to change, without reading its files anew."""
    return Config(copy.deepcopy(parsed(leaf)))


def base(axis: str, name: str) -> dict:
    return parsed(BASE / axis / f'{name}.py')


def named(leaf: Path) -> dict:
    match = NAME.fullmatch(leaf.stem)
    assert match, f'{leaf.name} is not named by the scheme'
    return {
        k: int(v) if v and v.isdigit() and k != 'split' else v for k, v in match.groupdict().items()
    }


@cache
def published_in(folder: Path) -> list[dict]:
    file = folder / 'published.yml'
    return yaml.safe_load(file.read_text(encoding='utf-8')) if file.exists() else []


@cache
def published(leaf: Path) -> dict:
    """All that published.yml says of a leaf."""
    found = dict(has={}, free=[], network='')
    for entry in [*published_in(BASE), *published_in(leaf.parent)]:
        if fnmatch.fnmatchcase(leaf.stem, entry['name']):
            entry = dict(entry, has={**found['has'], **entry.get('has', {})})
            found.update(entry, free=[*found['free'], *entry.get('free', [])])
    return found


def is_free(leaf: Path, key: str) -> bool:
    """Whether a leaf may set a key otherwise than its method's file."""
    allowed = (*SLOTS, *published(leaf)['has'], *published(leaf)['free'])
    return any(fnmatch.fnmatchcase(key, k) or key.startswith(f'{k}.') for k in allowed)


def merged(cfg: dict, override: dict) -> dict:
    return Config(Config._merge_a_into_b(copy.deepcopy(override), copy.deepcopy(cfg))).to_dict()


def trainings(cfg: dict) -> list[dict]:
    return [stage for stage in cfg.get('stages', ()) if stage['type'] == 'TrainStage']


@cache
def last_training(leaf: Path) -> dict:
    """The config that a leaf's name describes: of a staged run, the last student's."""
    cfg = parsed(leaf)
    return merged(cfg, trainings(cfg)[-1].get('cfg', {})) if cfg.get('stages') else cfg


def networks_of(cfg: dict) -> list[dict]:
    """The configs of all networks."""
    found = resolved(cfg['model'])['segmentor']
    return found if isinstance(found, list) else [found]


def resolved(model: dict) -> dict:
    """With the networks' configs where a leaf names them: of several architectures, a list."""
    found = model['segmentor']
    if not isinstance(found, list):
        return model
    return dict(model, segmentor=[ConfigDict(named_network(one)).to_dict() for one in found])


def method_file(leaf: Path) -> str:
    """The file of _base_/methods; how data is drawn has one of its own only where need be."""
    method = named(leaf)['method']
    while not (BASE / 'methods' / f'{method.replace("-", "_")}.py').exists():
        method, plain = re.sub('-(centroid|coarse2fine|colours)$', '', method), method
        assert method != plain, f'_base_/methods has no {plain}'
    return method.replace('-', '_')


def nodes(value, kind: str) -> list[dict]:
    """All dicts of one type within a config."""
    if isinstance(value, dict):
        own = [value] if value.get('type') == kind else []
        return own + [n for item in value.values() for n in nodes(item, kind)]
    return [n for item in value for n in nodes(item, kind)] if isinstance(value, list) else []


def flat(value, key: str) -> dict:
    """Values by dotted keys; a list is a value."""
    if not isinstance(value, dict) or not value:
        return {key: value}
    return {k: v for name, one in value.items() for k, v in flat(one, f'{key}.{name}').items()}


def at(cfg: dict, key: str):
    """The value of a dotted key, None where there is none."""
    for name in key.split('.'):
        cfg = (cfg or {}).get(name)
    return cfg


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
            MODELS_BUILT[key] = MODELS.build(without_weights(resolved(model)))
    return MODELS_BUILT[key]


@pytest.fixture(scope='module', autouse=True)
def sketched_once():
    """Many stages have equal networks: each is sketched once, and asked once for its divisor."""
    known: dict = {}

    def once(model: Config) -> nn.Module:
        key = repr(model)
        if key not in known:
            known[key] = sketch(model)
        return known[key]

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr('semiseg_mm.engine.stages.train.sketch', once)
        changed.setattr('semiseg_mm.engine.stages.action.size_divisor_of', cache(size_divisor_of))
        yield


# ------------------------------------------------------------------ the files


def test_there_are_leaves_of_several_methods():
    assert LEAVES and len(FOLDERS) >= 3


def test_a_check_of_all_leaves_names_those_that_fail():
    def check(leaf):
        assert leaf != LEAVES[1], 'as it should not be'

    with pytest.raises(AssertionError, match=re.escape(LEAVES[1].name)):
        each_leaf(check)()


def test_leaf_of_the_readme_exists():
    name = 'cps-cutmix_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
    assert CONFIGS / 'cps' / name in LEAVES


@each_leaf
def test_leaf_is_short(leaf):
    lines = [line.strip() for line in leaf.read_text(encoding='utf-8').splitlines()]
    assert 0 < len([line for line in lines if line and not line.startswith('#')]) <= 15


@each_leaf
def test_leaf_of_another_split_or_length_holds_that_alone(leaf):
    """What differs from the leaf that it is based on: the list, or as many labels as the split.

    A leaf of the same split differs in its length.
    """
    lines = ast.parse(leaf.read_text(encoding='utf-8')).body
    (base,) = [ast.literal_eval(x.value) for x in lines if ast.unparse(x).startswith('_base_ = ')]
    if not str(base).startswith('./'):
        return
    other = leaf.parent / base
    alike = [without(named(one), 'split', 'length') for one in (leaf, other)]
    if alike[0] == alike[1] and named(leaf)['split'].count('-') == named(other)['split'].count('-'):
        cfg, known = parsed(leaf), parsed(other)
        changed = [key for key in {**cfg, **known} if cfg.get(key) != known.get(key)]
        if named(leaf)['split'] == named(other)['split']:
            assert changed == ['train_cfg']
            return
        assert changed == ['train_dataloader']
        data, known = (one['train_dataloader'] for one in (cfg, known))
        assert without(data, 'dataset') == without(known, 'dataset')
        assert without(data['dataset'], 'split') == without(known['dataset'], 'split')


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
    assert any(leaf.stem in text for leaf in LEAVES if leaf.parent == folder)


# ------------------------------------------------------------------ name and content


@pytest.mark.parametrize('folder', [BASE, *FOLDERS], ids=lambda p: p.name)
def test_published_entries_speak_of_leaves(folder):
    stems = [p.stem for p in LEAVES if folder in (BASE, p.parent)]
    for entry in published_in(folder):
        assert entry.keys() <= set(WORDS) and entry.keys() > {'name'}, entry
        assert fnmatch.filter(stems, entry['name']), f'{entry["name"]} matches no leaf'


@each_leaf
def test_published_values_are_there(leaf):
    cfg = last_training(leaf)
    expected = published(leaf)['has']
    wrong = [f'{k}={at(cfg, k)}, not {v}' for k, v in expected.items() if at(cfg, k) != v]
    assert not wrong, '; '.join(wrong)


def test_yardsticks_have_the_leaves_of_their_method():
    for folder in FOLDERS:
        for entry in published_in(folder):
            if 'same_leaves_as' in entry:
                patterns = entry['name'], entry['same_leaves_as']
                own, others = (
                    [
                        tuple(named(p)[k] for k in ('network', 'dataset', 'split', 'height'))
                        for p in LEAVES
                        if fnmatch.fnmatchcase(p.stem, pattern) and (k or p.parent == folder)
                    ]
                    for k, pattern in enumerate(patterns)
                )
                assert sorted(own) == sorted(others) != []


@each_leaf
def test_method_is_the_named_one(leaf):
    """All that _base_/methods sets stays, but for what published.yml has or leaves free.

    Of free hooks the options may differ; free views may be replaced by a weak and a strong one.
    """
    cfg, expected = parsed(leaf), base('methods', method_file(leaf))
    own, known = (flat(c['model'], 'model') for c in (cfg, expected))
    other = {k: (known.get(k), own.get(k)) for k in {**own, **known} if own.get(k) != known.get(k)}
    assert {k: v for k, v in other.items() if not is_free(leaf, k)} == {}
    hooks = [c.get('custom_hooks', []) for c in (cfg, expected)]
    hooks = [[h for h in each if h['type'] != 'CropSizeSchedulerHook'] for each in hooks]
    if is_free(leaf, 'custom_hooks'):
        hooks = [[hook['type'] for hook in each] for each in hooks]
    assert hooks[0] == hooks[1]
    views = cfg['train_dataloader']['dataset']['views']
    replaced = is_free(leaf, 'views') and set(views) in ({'weak', 'strong'}, set(expected['views']))
    assert views == expected['views'] or replaced


@each_leaf
def test_folder_is_that_of_the_paper(leaf):
    """The folder whose name the method's file begins with; else that of the class's file."""
    file = method_file(leaf)
    folders = [f.name for f in FOLDERS if f'{file}_'.startswith(f'{f.name}_')]
    module = MODELS.get(parsed(leaf)['model']['type']).__module__.rsplit('.', 1)[1]
    assert leaf.parent.name == max(folders, key=len, default=module)


@each_leaf
def test_network_is_the_named_one(leaf):
    names, networks = named(leaf)['network'].split('+'), networks_of(last_training(leaf))
    for name, segmentor in zip(names, networks, strict=True):
        known = NETWORKS[name]
        expected = known + published(leaf)['network']
        fits = [n for n in NETWORKS.values() if base('models', n).get('segmentor') == segmentor]
        assert expected in fits, f'published.yml says network: {expected}, the leaf has {fits}'
        backbone = segmentor['backbone']
        if depth := re.search(r'_[rx](\d+)', known):
            assert backbone['depth'] == int(depth.group(1))
            weights = backbone['init_cfg']['checkpoint']
            assert re.search(rf'resne(t|xt){depth.group(1)}[_-]', weights)
        stride = re.search(r'-[ds](\d+)$', name)
        if stride and 'strides' in backbone:
            stem = 4 if 'ResNe' in backbone['type'] else 1
            assert stem * math.prod(backbone['strides']) == int(stride.group(1))


@each_leaf
def test_hard_pixels_are_averaged_alone(leaf):
    """Where a leaf's network file says ohem, as many as the code of its paper keeps."""
    suffix = published(leaf)['network']
    for network in networks_of(last_training(leaf)):
        head = network['decode_head']
        found = nodes(head, 'ProbOhemCrossEntropy')
        assert len(found) == ('_ohem' in suffix) and not head.get('sampler')
        if not found:
            continue
        (loss,) = found
        images = last_training(leaf)['train_dataloader']['sampler']['labeled']
        kept = loss['min_kept'] * (images if loss.get('per_image') else 1)
        assert (loss['thresh'], kept) == (0.7, 200000 if suffix == '_ohem_200k' else 100000)


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
    length = str(name['length'])
    if length.endswith('e'):
        assert cfg['train_cfg']['epochs'] == int(length[:-1])
    else:
        iters = counted(cfg, name['gpus'], sizes_of_split(leaf)).max_iters
        assert iters == int(length.replace('k', '000'))
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
    test_cfg = cfg['model'].get('test_cfg') or networks_of(cfg)[0]['test_cfg']
    windows = published(leaf)['has'].get('model.test_cfg.crop_size', size)
    assert test_cfg['mode'] == 'whole' or tuple(test_cfg['crop_size']) == tuple(windows)


@each_leaf
def test_sampling_is_the_named_one(leaf):
    """``-centroid`` and ``-coarse2fine`` in a method's name, and nowhere else."""
    cfg, method = last_training(leaf), named(leaf)['method']
    sampler = cfg['train_dataloader']['sampler']['type']
    assert ('-centroid' in method) == (sampler == 'CentroidSampler')
    assert method.endswith('-coarse2fine') == bool(nodes(cfg, 'CropSizeSchedulerHook'))


def dataset_file(leaf: Path) -> str:
    """The file of _base_/datasets that a leaf's name tells.

    cityscapes-extra is cityscapes_extra; lists of a family come with voc_unimatch, … where there is
    such a file, those of stpp with voc_st; DINOv2 has voc_unimatch_v2, …; small crops of Cityscapes
    and CamVid have cityscapes_half and camvid_small.
    """
    if 'dataset' in published(leaf):
        return published(leaf)['dataset']
    name = named(leaf)
    family = str(name['split']).rpartition('-')[0]
    kind = '_extra' if name['split'] == 'extra' else ''
    own = f'{name["dataset"]}_{family}'
    known = any(f'{file}_'.startswith(f'{own}_') for file in DATASET_FILES)
    kind = dict(stpp='_st').get(family, f'_{family}' if known else kind)
    kind += '_v2' * ('dinov2' in name['network'])
    shrunk = dict(cityscapes='_half', camvid='_small')
    return name['dataset'] + (shrunk.get(name['dataset'], kind) if name['height'] < 300 else kind)


@each_leaf
def test_data_is_the_named_one(leaf):
    cfg, name = last_training(leaf), named(leaf)
    family, _, part = str(name['split']).rpartition('-')
    expected = base('datasets', dataset_file(leaf))
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
    elif family in {record.family for record in registry()}:
        assert split == f'splits/{family}/{part}'
    elif name['split'].startswith('mine-'):  # of tools/make_splits.py
        assert split == 'splits/' + name['split'].replace('mine-', 'mine/').replace('-', '_')
    else:  # cityscapes-1_8 is splits/cps/1_8, voc-blended-1_8 is splits/blended_cps/1_8
        assert split == f'splits/{f"{family}_cps".lstrip("_")}/{part}'


# ------------------------------------------------------------------ epochs

LABELED = {  # published lists that are not registered; their unlabeled lists are all other images
    'ade20k': (20210, {'1_64': 316, '1_32': 631, '1_16': 1263, '1_8': 2526, '1_4': 5052}),
    'coco': (118287, {'1_512': 232, '1_256': 463, '1_128': 925, '1_64': 1849, '1_32': 3697}),
}


def sizes_of_split(leaf: Path) -> dict[str, int] | None:
    """Images of both lists of a published split."""
    dataset, split = (
        named(leaf)['dataset'],
        parsed(leaf)['train_dataloader']['dataset'].get('split'),
    )
    family, _, name = str(split).removeprefix('splits/').partition('/')
    if dataset in LABELED and split:
        total, labeled = LABELED[dataset]
        return dict(labeled=labeled[name], unlabeled=total - labeled[name])
    key = family, dataset, name
    found = [r for r in registry() if (r.family, r.dataset, r.split) == key]
    return {record.role: record.unique_ids for record in found} or None


def counted(cfg: dict, processes: int, sizes: dict | None):
    """The plan of a training on lists of these sizes."""
    words, layout = TrainPlan.of_cfg(cfg['train_cfg']), dict(cfg['train_dataloader']['sampler'])
    kind = DATA_SAMPLERS.get(layout.pop('type'))
    return words.count(sizes or {}, kind.shares(**layout), processes)


STAGES_BUILT: dict = {}


def stage_cfgs(leaf: Path) -> dict[str, tuple[dict, float]]:
    """Each training of a leaf: its config, and the share of the unlabeled images that it sees.

    Leaves that differ in the split share them.
    """
    if not parsed(leaf).get('stages'):
        return {'': (parsed(leaf), 1)}
    cfg = fresh(leaf)
    cfg.train_dataloader.dataset.pop('split', None)
    key = repr(cfg.to_dict())
    if key not in STAGES_BUILT:
        cfg.work_dir = 'nowhere'
        STAGES_BUILT[key] = dict(_stage_cfgs(RUNNERS.get(cfg.runner_type).from_cfg(cfg).stages))
    return STAGES_BUILT[key]


def _stage_cfgs(stages: dict) -> Iterator[tuple[str, tuple[dict, float]]]:
    ranked = next((stage.share for stage in stages.values() if hasattr(stage, 'share')), 1)
    for stage in stages.values():
        if not hasattr(stage, 'checkpoint'):
            continue
        images = [stages[label].images for label in stage.labels]
        part = ranked if len(images) == 1 and images[0] else 1  # of the ranked images, or all
        yield stage.name, (stage.cfg.to_dict(), 0 if stage.sup_only else part)


def by_hand(cfg: dict, processes: int, sizes: dict) -> int:
    """The iterations as published code has them.

    UniMatch: a DistributedSampler, so that each process takes ceil(n / processes) images, and whole
    batches of them. ST++: whole batches of all images; labels repeated, few of them doubled.
    """
    words, sampler = cfg['train_cfg'], cfg['train_dataloader']['sampler']
    labeled, unlabeled = sizes['labeled'], sizes['unlabeled']
    batch = sampler.get('batch_size') or sampler['labeled']
    if words['of'] == 'unlabeled':
        images, batch = unlabeled, sampler['unlabeled'] // sampler.get('crops', 1)
    elif words['of'] == 'labeled':
        images = words['length']
    elif unlabeled:
        images = labeled * math.ceil(unlabeled / labeled) + unlabeled
    else:
        images = labeled * (2 if labeled < 200 else 1)
    if words.get('padded'):
        return words['epochs'] * (math.ceil(images / processes) // batch)
    return words['epochs'] * (images // (batch * processes))


@each_leaf
def test_epochs_come_to_the_published_iterations(leaf):
    """For every training of a leaf, which validates ten times; and so do its yardstick's."""
    if 'epochs' not in parsed(leaf)['train_cfg']:
        return
    gpus, sizes, found = named(leaf)['gpus'], sizes_of_split(leaf), {}
    for name, (cfg, share) in stage_cfgs(leaf).items():
        own = dict(sizes, unlabeled=int(sizes['unlabeled'] * share))
        plan = counted(cfg, gpus, own)
        assert plan.max_iters == by_hand(cfg, gpus, own), name
        assert plan.val_interval == -(-plan.max_iters // 10)
        found[name] = plan.max_iters
    assert published(leaf).get('iterations') in (None, found, found.get(''))
    yardstick = make_sup_only(fresh(leaf)).to_dict()
    assert counted(yardstick, gpus, sizes).max_iters == plan.max_iters


def test_epochs_of_a_leaf_are_counted_on_its_files(tmp_path):
    """Nine unlabeled images, two in an iteration of one process: four whole batches an epoch."""
    words = dict(of='unlabeled', padded=True)
    own = (
        p for p in LEAVES if '_voc-' in p.stem and words.items() <= parsed(p)['train_cfg'].items()
    )
    cfg = fresh(next(p for p in own if named(p)['unlabeled'] == 2))
    dataset = cfg.train_dataloader.dataset
    for source, count in dict(labeled=3, unlabeled=9).items():
        dataset[source].data_root = str(tmp_path)
        file = tmp_path / dataset.split / f'{source}.txt'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(''.join(f'{source}_{number}\n' for number in range(count)))
    for folder in dataset.labeled.data_prefix.values():
        (tmp_path / folder).mkdir()
    assert plan_of(cfg).max_iters == cfg.train_cfg.epochs * 4


# ------------------------------------------------------------------ what a training would warn of


@each_leaf
def test_no_training_of_a_leaf_would_warn_of_its_teacher_or_lists(leaf):
    """The checks' defaults leave room for all that is published: else they would be passed over."""
    found = []
    for cfg, share in stage_cfgs(leaf).values():
        sizes = sizes_of_split(leaf) or sizes_of_scenes(leaf)
        sizes = dict(sizes, unlabeled=int(sizes['unlabeled'] * share)) if sizes else None
        iters = counted(cfg, named(leaf)['gpus'], sizes).max_iters
        for hook in nodes(cfg.get('custom_hooks', []), 'MeanTeacherHook'):
            steps = int((1 - hook.get('begin', 0)) * iters)
            found.append(LongMemory().warning(Average(hook['decay'], hook['warmup'], steps)))
        if sizes:
            passes = stream_of(leaf, cfg, sizes).passes(iters)
            assert passes['labeled'] > 1  # the lists are there
            found += [check().warning(passes, sizes, iters) for check in (ManyRepeats, ManyUnseen)]
    assert not any(found), '; '.join(filter(None, found))


def sizes_of_scenes(leaf: Path) -> dict[str, int] | None:
    dataset = parsed(leaf)['train_dataloader']['dataset']
    if named(leaf)['dataset'] != 'shapes':
        return None
    return {source: dataset[source]['num_images'] for source in ('labeled', 'unlabeled')}


def stream_of(leaf: Path, cfg: dict, sizes: dict):
    """The requests of a training on lists of these sizes, by all its processes."""
    layout = dict(cfg['train_dataloader']['sampler'])
    lists = {f'num_{name}': size for name, size in sizes.items()}
    dataset = SimpleNamespace(label_sources={}, **lists)
    stream = DATA_SAMPLERS.get(layout.pop('type'))(dataset, seed=0, **layout)
    stream.world_size = named(leaf)['gpus']
    return stream


NORMS: dict = {}  # by the config of the model: whether a layer that trains is a SyncBN


@each_leaf
def test_no_training_of_a_leaf_would_warn_of_its_norms(leaf):
    """All have SyncBN, or enough images in each forward of a process, or say that they have not."""
    model = built(parsed(leaf)['model'])
    key = repr(parsed(leaf)['model'])
    if key not in NORMS:
        layers = [one for one in model.train().modules() if isinstance(one, _BatchNorm)]
        NORMS[key] = [isinstance(one, nn.SyncBatchNorm) for one in layers if one.training]
    for cfg, _ in stage_cfgs(leaf).values():
        layout = dict(cfg['train_dataloader']['sampler'])
        places = DATA_SAMPLERS.get(layout.pop('type')).layout(**layout)
        views = {'labeled': places.count(0)}  # all others have the unlabeled images
        same = cfg['model']['type'] == parsed(leaf)['model']['type']
        groups = model.forward_groups if same else [('labeled',)]  # a teacher's
        images = min(sum(views.get(view, places.count(1)) for view in one) for one in groups)
        shared = [images * (named(leaf)['gpus'] if sync else 1) for sync in NORMS[key]]
        warned = FewImages().warning(shared) is not None
        assert warned == ('FewImages' in published(leaf).get('warns', ()))


# ------------------------------------------------------------------ staged runs


@each_leaf
def test_stages_are_the_methods(leaf):
    """A leaf gives each training its own values; what else differs, published.yml leaves free."""
    stages, expected = (c.get('stages') for c in (parsed(leaf), base('methods', method_file(leaf))))
    assert bool(stages) == bool(expected)
    for stage, known in zip(stages or (), expected or (), strict=True):
        other = [k for k in {**stage, **known} if k != 'cfg' and stage.get(k) != known.get(k)]
        assert [k for k in other if not is_free(leaf, f'stages.{k}')] == []
        # what the method itself sets stays
        own, expected_cfg = (stripped(one.get('cfg', {}), '_delete_') for one in (stage, known))
        assert merged(own, expected_cfg) == own


def test_networks_of_stages_are_known_ones():
    """A teacher of another student has one of _base_/models."""
    known = [base('models', name).get('segmentor') for name in NETWORKS.values()]
    found = []
    for file in (BASE / 'methods').glob('*.py'):
        for stage in trainings(parsed(file)):
            found += filter(None, [at(stage, 'cfg.model.segmentor')])
    assert found and all(without(network, '_delete_') in known for network in found)


def staged_leaves() -> list[Path]:
    """One leaf for each list of stages, sampler and dataset; others have other networks, splits."""
    found = {}
    for leaf in LEAVES:
        cfg = parsed(leaf)
        if cfg.get('stages'):
            data = cfg['train_dataloader']
            parts = (cfg['stages'], without(cfg['model'], 'segmentor'), data['sampler'])
            key = json.dumps([*parts, data['dataset']['labeled']], sort_keys=True, default=str)
            found.setdefault(key, leaf)
    return list(found.values())


def test_every_training_of_a_staged_leaf_builds(tmp_path):
    """The runner checks the options of all stages; then each has its network, labels, batches."""
    assert staged_leaves()
    for leaf in staged_leaves():
        cfg = fresh(leaf)
        cfg.work_dir = str(tmp_path / 'run')
        runner = RUNNERS.get(cfg.runner_type).from_cfg(cfg)
        assert cfg.runner_type == 'StagedRunner' and not (tmp_path / 'run').exists()
        for stage in (runner.stages[s['name']] for s in trainings(cfg)):
            own = stage.cfg.to_dict()
            network = built(own['model']).networks['student']
            dataset = own['train_dataloader']['dataset']
            sampler = dict(own['train_dataloader']['sampler'])
            classes = len(DATASETS.get(dataset['labeled']['type']).METAINFO['classes'])
            assert network.decode_head.num_classes == classes
            assert own['val_dataloader']['dataset']['type'] == dataset['labeled']['type']
            assert (dataset['unlabeled'] is None) == stage.sup_only == (not stage.labels)
            if 'max_iters' in own['train_cfg']:
                assert own['train_cfg']['val_interval'] <= own['train_cfg']['max_iters']
            places = DATA_SAMPLERS.get(sampler.pop('type')).layout(**sampler)
            assert (1 in places) <= bool(stage.labels)  # SupOnly's batches have no other images
            assert own['auto_scale_lr']['base_batch_size'] == named(leaf)['gpus'] * len(places)


@each_leaf
def test_staged_leaf_has_a_yardstick(leaf):
    """``tools/train.py LEAF --sup-only``"""
    if parsed(leaf).get('stages'):
        cfg = make_sup_only(fresh(leaf))
        assert cfg.runner_type == 'SemiRunner' and cfg.model.type == 'SupOnly'
        assert cfg.train_cfg == last_training(leaf)['train_cfg']


# ------------------------------------------------------------------ building and running


@each_leaf
def test_model_builds_for_the_classes_of_the_dataset(leaf):
    cfg = parsed(leaf)
    configs = networks_of(cfg)
    assert all(one['data_preprocessor'].get('size') is None for one in configs)
    model = built(cfg['model'])
    assert getattr(model.data_preprocessor.by_view, 'size', None) is None
    labeled = cfg['train_dataloader']['dataset']['labeled']['type']
    assert labeled == cfg['val_dataloader']['dataset']['type']
    classes = len(DATASETS.get(labeled).METAINFO['classes'])
    assert len(model.networks) >= len(configs)
    for number, network in enumerate(model.networks.values()):
        assert network.decode_head.num_classes == network.decode_head.out_channels == classes
        if hasattr(network.backbone, 'depth'):
            config = configs[number if len(configs) > 1 else 0]
            assert network.backbone.depth == config['backbone']['depth']


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
    own = ((p, parsed(p)['train_dataloader']['dataset']) for p in LEAVES if f'_{name}-' in p.stem)
    leaf, cfg = next((p, cfg) for p, cfg in own if set(cfg['views']) == {'weak'} and 'split' in cfg)
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
    [p for p in LEAVES if '_shapes-' in p.stem and not parsed(p).get('stages')],
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
    (leaf,) = (p for p in LEAVES if p.stem.startswith(f'{method}_unet'))
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
