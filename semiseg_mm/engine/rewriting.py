"""Turning the config of a run into that of another one."""

import copy

from mmengine.config import Config

from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.errors import UserError

FOLDERS = ('label_dir', 'conf_dir', 'only')  # of PseudoLabeledDataset
KEPT = ('num_classes', 'test_cfg', 'data_preprocessor')


def make_sup_only(cfg: Config) -> Config:
    """Turn a method's config into its yardstick: the same network, labels, stream and schedule.

    The labeled requests, their augmentations and the number of iterations (also where epochs say
    it) stay what they were.
    """
    cfg = copy.deepcopy(cfg)
    sampler = cfg.train_dataloader.sampler
    if sampler.type == 'LabeledOversampleSampler':
        labels = dict(type='SourceRatioSampler', labeled=sampler.batch_size, unlabeled=0)
        cfg.train_dataloader.sampler = labels
        sampler = cfg.train_dataloader.sampler
    if 'labeled' not in sampler:
        raise UserError('--sup-only needs a SourceRatioSampler in train_dataloader.sampler.')
    segmentor = cfg.model.segmentor
    kept = {key: cfg.model[key] for key in KEPT if key in cfg.model}
    cfg.model = dict(
        type='SupOnly', segmentor=segmentor[0] if isinstance(segmentor, list) else segmentor, **kept
    )
    if 'auto_scale_lr' in cfg and not sampler.get('labeled_only'):
        share = sampler.labeled / (sampler.labeled + sampler.get('unlabeled', 0))
        cfg.auto_scale_lr.base_batch_size = round(cfg.auto_scale_lr.base_batch_size * share)
    sampler.labeled_only = True
    use_parts(cfg, None)
    hooks = cfg.get('custom_hooks') or []
    cfg.custom_hooks = [hook for hook in hooks if hook['type'] != 'MeanTeacherHook']
    for key in ('stages', 'rounds'):
        cfg.pop(key, None)
    cfg.runner_type = 'SemiRunner'
    return cfg


def use_parts(cfg: Config, parts: dict | None) -> None:
    """Give parts of the model optimizers of their own, or none, in place."""
    wrapper = cfg.get('optim_wrapper') or {}
    if wrapper.get('constructor') == 'PartwiseConstructor':
        wrapper.pop('constructor')
        wrapper.paramwise_cfg.pop('parts', None)
    if not parts:
        return
    if wrapper.get('constructor', 'DefaultOptimWrapperConstructor') != (
        'DefaultOptimWrapperConstructor'
    ):
        raise UserError(
            f'{", ".join(parts)} of the method needs an optimizer of its own, but '
            f'optim_wrapper.constructor is {wrapper.constructor}: leave that out.'
        )
    wrapper.constructor = 'PartwiseConstructor'
    wrapper.paramwise_cfg = dict(wrapper.get('paramwise_cfg') or {}, parts=parts)


def use_labels(dataset: dict, sources: list[dict], filters: list[dict] = ()) -> None:
    """Let stored labels take the place of a SemiDataset config's unlabeled source, in place.

    Args:
        sources: For each folder of labels its ``label_dir``, ``conf_dir`` and ``only``.
        filters: Transforms of the labels, by their confidence; they run before the crop.
    """
    dataset.update(apply_split(dataset))
    dataset.pop('split', None)
    images = dataset['unlabeled']
    if not images:
        raise UserError(
            'This stage trains on stored labels, but train_dataloader.dataset.unlabeled, which '
            'says where their images are, is not set.'
        )
    pipeline = list(images.pop('pipeline'))
    steps = [step['type'] for step in pipeline]
    if 'ScaleCrop' not in steps:
        raise UserError(
            'The pipeline of train_dataloader.dataset.unlabeled has no ScaleCrop: stored labels '
            'are loaded before it.'
        )
    # at once, so that what resizes an image before the crop resizes its label too
    loaders = [k for k, step in enumerate(steps) if str(step).split('.')[-1].startswith('Load')]
    place = min([*(k + 1 for k in loaders), steps.index('ScaleCrop')])
    loading = [dict(type='LoadAnnotations')]
    if filters or sources[0].get('conf_dir'):
        loading.append(dict(type='LoadConfidence'))
    pipeline[place:place] = [*loading, dict(type='CheckLabels'), *filters]
    folders = {key: [source.get(key) for source in sources] for key in FOLDERS}
    dataset['unlabeled'] = dict(
        type='PseudoLabeledDataset',
        images=dict(images),
        pipeline=pipeline,
        **{key: values for key, values in folders.items() if any(values)},
    )
