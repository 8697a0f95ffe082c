"""The facts of a record: what was trained, on what, and how it was judged."""

import hashlib
import json
import os.path as osp
import re
import sys
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.device import get_device, is_cuda_available

from semiseg_mm.datasets.identity import files_hash, image_paths, list_identity
from semiseg_mm.models.named_network import named_network

from .keys import DECISIVE, identity_of, of_training, plain
from .starts import weights_hash, weights_name, weights_of

LEAF = re.compile(r'([^_]+)_.+_\d+xb\d')  # fixmatch_unet-s2_1xb8+8-…: the method comes first
MOST_MASKS = 20000  # of more, the contents are not read
NO_FILES = files_hash([])
LABELED_ONLY = 'labeled_only'  # of a sampler
OUTER_STEPS = ('Load', 'Pack', 'Check')  # beginnings of transforms that change no image
PLAIN_METRICS = ('ConfusionMetric', 'IoUMetric')  # they count alike
OUTER_OF_METRICS = ('iou_metrics', 'prefix', 'output_dir', 'format_only', 'collect_device')
FIXED = (
    'config_sha256',
    'split',
    'labels',
    'unlabeled',
    'crop',
    'batch',
    'processes',
    'iterations',
)


# ------------------------------------------------------------------ of a run


def training_facts(
    cfg: Config, images: dict, processes: int = 1, iterations: int | None = None
) -> dict[str, Any]:
    """Return what a config trains. What decides the weights is hashed.

    Args:
        images: What `image_facts` says.
        iterations: The planned ones; default: those of the config.
    """
    stage = cfg.get('stage') or {}
    config = stage.get('config') or cfg.filename
    optim = cfg.get('optim_wrapper') or {}
    iterations = iterations or cfg.train_cfg.get('max_iters')
    found = dict(
        method=_method(config) or cfg.model.type,
        config=osp.basename(config) if config else None,
        config_sha256=None if stage else _config_hash(cfg),  # a stage's has places of labels
        model=cfg.model.type,
        **images,
        crop=_crop(cfg.train_dataloader.dataset),
        batch=_batch(cfg, processes),
        processes=processes,
        precision=_precision(optim),
        iterations=iterations,
        total_iterations=iterations,
        stage=stage.get('name'),
        seed=(cfg.get('randomness') or {}).get('seed'),
    )
    if _labeled_only(cfg):
        found.update(split=dict(found['split'], unlabeled=None), unlabeled=0)
    return plain(found)


def image_facts(dataset: BaseDataset) -> dict[str, Any]:
    """Return the dataset's name, hashes of lists and masks, and the numbers of images."""
    labeled = getattr(dataset, 'labeled', dataset)
    unlabeled = getattr(dataset, 'unlabeled', None)
    survey = getattr(dataset, 'survey', None)
    lists = survey.identity if survey else dict(labeled=list_identity(labeled))
    split = dict(name=survey.name if survey else None, labeled=lists['labeled']['sha256'])
    split['unlabeled'] = lists['unlabeled']['sha256'] if unlabeled is not None else None
    split['masks'] = _masks_hash(labeled)
    return dict(
        dataset=_dataset_name(labeled),
        split=split,
        labels=lists['labeled']['count'],
        unlabeled=lists['unlabeled']['count'] if unlabeled is not None else 0,
    )


def network_facts(cfg: Config, evaluated: str) -> dict[str, Any]:
    """Return which network was evaluated, and the weights that it began with."""
    network = _network_of(cfg.model, evaluated)
    backbone, heads = network.get('backbone') or {}, network.get('decode_head') or {}
    heads = heads if isinstance(heads, list) else [heads]
    parts = [backbone.get('type'), *(head.get('type') for head in heads)]
    sizes = [str(backbone[key]) for key in ('arch', 'depth') if key in backbone]
    weights = weights_of(cfg, network)
    return dict(
        name=f'{network.get("type")}({", ".join(filter(None, parts))})',
        encoder='-'.join([backbone.get('type') or 'unknown', *sizes]),
        weights=' + '.join(map(weights_name, weights)) or None,
        weights_sha256=weights_hash(weights),
        sha256=_hash(_without(network, ('init_cfg', 'pretrained'))),
    )


# ------------------------------------------------------------------ of an evaluation


def evaluation_facts(
    cfg: Config, loader: str, dataset: BaseDataset | None, labeled: BaseDataset | None = None
) -> dict[str, Any]:
    """Return on which images a network is judged, and how it sees them.

    Args:
        loader: 'val_dataloader' or 'test_dataloader'.
        labeled: The labeled images of the training. It is said if some of them are evaluated.
    """
    network = _network_of(cfg.model, '')
    found = dict(cfg.model.get('test_cfg') or network.get('test_cfg') or {})
    found.setdefault('mode', 'whole')
    source = (cfg.get(loader) or {}).get('dataset') or {}
    steps = source.get('pipeline')
    if steps is not None:
        steps = [step for step in steps if not str(step['type']).startswith(OUTER_STEPS)]
    images = dict(images=None, list=None, masks=None)
    if isinstance(dataset, BaseDataset):
        listed = list_identity(dataset)
        images = dict(images=listed['count'], list=listed['sha256'], masks=_masks_hash(dataset))
        if seen := _paths(dataset) & _paths(labeled):
            images.update(labeled=len(seen))
    found.update(_metrics(cfg, loader.replace('dataloader', 'evaluator')))
    return plain(dict(**images, **found, transforms=steps))


def changed_facts(before: dict, now: dict) -> list[str]:
    """Return what was changed in a training that was resumed, now or earlier."""
    changed = {name for name in FIXED if name in before and before[name] != now[name]}
    return sorted(changed.union(before.get('changed', [])))


def machine_facts() -> dict[str, Any]:
    """Return the device, and how much memory this process has taken at most."""
    if is_cuda_available():
        memory = note_gpu_memory() / 2**20
    else:
        memory = _peak_memory()
    return dict(
        memory_mb=memory and round(memory), device=device_name(), threads=torch.get_num_threads()
    )


_seen = dict(bytes=0)  # on the GPU at most


def note_gpu_memory() -> int:
    """Return the bytes that this process has taken on the GPU at most, as far as was noted.

    Each log of mmengine sets torch's own count back. ``SharesTimerHook`` calls this before.
    """
    _seen['bytes'] = max(_seen['bytes'], torch.cuda.max_memory_allocated())
    return _seen['bytes']


def _peak_memory() -> float | None:
    """Return the MiB that this process has taken at most; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def device_name() -> str:
    return torch.cuda.get_device_name() if is_cuda_available() else get_device()


# ------------------------------------------------------------------ parts


def _config_hash(cfg: Config) -> str:
    """Hash what decides the weights, but for the seed and those that a network begins with."""
    settings = of_training(cfg.to_dict(), (*DECISIVE, 'stages', 'rounds'))
    settings.pop('load_from', None)
    (settings.get('randomness') or {}).pop('seed', None)
    unsaid = [
        (settings, 'custom_hooks'),
        (settings['train_dataloader'].get('sampler'), LABELED_ONLY),
    ]
    for holder, name in unsaid:  # a comparison writes down what a leaf leaves out
        if holder and not holder.get(name):
            holder.pop(name, None)
    return _hash(settings)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()


def _method(config: str | None) -> str | None:
    stem = osp.splitext(osp.basename(config or ''))[0]
    leaf = LEAF.match(stem)
    return leaf[1].replace('-', '_') if leaf else stem or None


def _dataset_name(dataset: BaseDataset) -> str:
    """Return a name for people: that of the class, or of the folder if the class is general."""
    name = type(dataset).__name__.removesuffix('Dataset')
    root = osp.basename(osp.normpath(getattr(dataset, 'data_root', None) or ''))
    return root if name in ('BaseSeg', 'Custom', 'Semi') and root not in ('', '.') else name


def _paths(dataset: Any) -> set[str]:
    known = isinstance(dataset, BaseDataset)
    return {osp.normpath(path) for path in image_paths(dataset)} if known else set()


def _masks_hash(dataset: BaseDataset) -> str | None:
    return None if len(dataset) > MOST_MASKS else some_files(identity_of(dataset, True)['labels'])


def some_files(digest: str | None) -> str | None:
    """Return a hash of files, unless there were none."""
    return None if digest == NO_FILES else digest


def _labeled_only(cfg: Config) -> bool:
    return bool((cfg.train_dataloader.get('sampler') or {}).get(LABELED_ONLY))


def _batch(cfg: Config, processes: int) -> dict[str, int]:
    """Return the images of a step of the optimizer, of all processes."""
    loader = cfg.train_dataloader
    sampler = loader.get('sampler') or {}
    if 'labeled' in sampler:
        unlabeled = 0 if _labeled_only(cfg) else sampler.get('unlabeled', 0)
        counts = dict(labeled=sampler.labeled, unlabeled=unlabeled)
    else:
        counts = dict(images=sampler.get('batch_size') or loader.get('batch_size') or 0)
    times = processes * (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    return {name: number * times for name, number in counts.items()}


def _precision(optim_wrapper: Mapping) -> str:
    kind = optim_wrapper.get('type', '')
    if kind == 'AmpOptimWrapper':
        return optim_wrapper.get('dtype') or 'float16'
    return 'bfloat16' if kind == 'Bfloat16OptimWrapper' else 'float32'


def _crop(dataset: Mapping) -> list[int] | None:
    """Return the size (h, w) of what a network sees in training, where the config says it."""
    found = dataset.get('crop_size') or _find(dataset.get('labeled') or dataset, 'crop_size')
    return None if found is None else [found, found] if isinstance(found, int) else list(found)


def _find(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return None
    return next((found for one in value if (found := _find(one, key)) is not None), None)


def _network_of(model: Mapping, evaluated: str) -> Mapping:
    """Return the config of a network; a method of equal networks has one for all."""
    networks = model.get('segmentor', model)
    if isinstance(networks, (list, tuple)):
        number = re.search(r'_(\d+)$', evaluated)
        networks = networks[int(number[1]) if number and int(number[1]) < len(networks) else 0]
    return named_network(networks)


def _metrics(cfg: Config, evaluator: str) -> dict[str, Any]:
    """Return what an evaluation counts otherwise than others do, and with fewer digits."""
    found = cfg.get(evaluator) or []
    metrics = [dict(one) for one in (found if isinstance(found, (list, tuple)) else [found])]
    told = [{k: v for k, v in one.items() if k not in OUTER_OF_METRICS} for one in metrics]
    for one in told:
        if one.get('type') in PLAIN_METRICS:
            one.pop('type')
    loop = cfg.get(evaluator.replace('evaluator', 'cfg')) or {}
    said = dict(metrics=list(filter(None, told)), fp16=loop.get('fp16'))
    return {key: value for key, value in said.items() if value}


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(one, keys) for key, one in value.items() if key not in keys}
    if isinstance(value, (list, tuple)):
        return [_without(one, keys) for one in value]
    return value
