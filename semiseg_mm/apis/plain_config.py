"""From a config of a method to one that mmseg reads without this package, as far as that goes."""

import copy
from collections.abc import Sequence
from typing import Any

from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config

from semiseg_mm.datasets.shapes import LoadShapes
from semiseg_mm.datasets.transforms import LoadBands, LoadImage
from semiseg_mm.engine.inference.source import OF_LABELS
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.network import override_network
from semiseg_mm.models.segmentors.windows import pad_small_images, unlike_mmseg
from semiseg_mm.registry import MODELS, TRANSFORMS

OWN = 'semiseg_mm'
PLAIN = ('mmseg', 'mmcv', 'mmengine', 'torch')  # packages that every process with mmseg has
LOADERS = (LoadImage, LoadShapes)  # drawn scenes, once they are files, are loaded as such
DEFAULT = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]


def plain_config(cfg: Config, network: str) -> Config:
    """What mmseg's init_model and MMSegInferencer need to run a network as it was measured.

    ``custom_imports`` names what must be importable for it; without that, mmseg alone will do.
    """
    modules: set[str] = set()
    model = _model(cfg, network)
    _name_types(model, modules)
    pipeline = plain_pipeline(_test_pipeline(cfg), modules)
    plain = dict(
        default_scope='mmseg',
        model=model,
        test_pipeline=pipeline,
        test_dataloader=dict(dataset=dict(pipeline=copy.deepcopy(pipeline))),
        visualizer=dict(type='SegLocalVisualizer'),
    )
    imports = _imports(cfg, modules)
    if imports:
        plain['custom_imports'] = dict(imports=imports, allow_failed_imports=False)
    return Config(plain)


def _model(cfg: Config, network: str) -> dict:
    segmentor = cfg.model.segmentor
    if isinstance(segmentor, (list, tuple)):  # one config a network: net_0, net_1, …
        segmentor = segmentor[int(network.split('_')[-1])]
    model = copy.deepcopy(segmentor)
    override_network(model, cfg.model.get('num_classes'), cfg.model.get('test_cfg'))
    if not model.get('data_preprocessor') and cfg.model.get('data_preprocessor'):
        model.data_preprocessor = copy.deepcopy(cfg.model.data_preprocessor)
    padded = pad_small_images(model.get('data_preprocessor'), [model])
    if padded:
        model.data_preprocessor = padded
    (model.get('test_cfg') or {}).pop('small', None)  # data_preprocessor.test_cfg says it to mmseg
    model.get('backbone', {}).pop('init_cfg', None)  # the weights are in the checkpoint
    _forget_weights(model)
    return model


def _forget_weights(config: dict) -> None:
    """Take the places of pretrained weights out of a network and its parts."""
    for key, value in list(config.items()):
        if isinstance(value, dict) and str(value.get('type')).startswith('Pretrained'):
            del config[key]
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, dict):
                _forget_weights(part)


def warning_of(plain: Config) -> str:
    """Return what mmseg will not do as it was measured, or nothing."""
    words = unlike_mmseg(plain.model.get('test_cfg') or {})
    if not words:
        return ''
    said = ', '.join(f'{word}={value!r}' for word, value in words.items())
    return (
        f'Its scores were measured with test_cfg {said}, which mmseg alone ignores: it moves the '
        'last windows back into the image and averages logits, so its scores may differ a little. '
        'semiseg_mm looks through the windows as measured: semiseg_mm.load with this config, '
        'semiseg_mm test with that of the training.'
    )


def _name_types(config: dict, modules: set[str]) -> None:
    """Types that are registered here need a prefix in mmseg's scope; note who registers them."""
    for value in config.values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, dict):
                _name_types(part, modules)
    kind = config.get('type')
    if isinstance(kind, str) and kind in MODELS:
        as_mmseg = vars(MODELS.get(kind)).get('to_mmseg')  # of its own: a subclass may do more
        if as_mmseg:  # it differs from a type of mmseg in training alone
            as_mmseg(config)
            return
        module = MODELS.get(kind).__module__
        if module.split('.')[0] not in PLAIN:
            modules.add(module)
        if kind in MODELS.module_dict:
            config['type'] = f'{OWN}.{kind}'


# ------------------------------------------------------------------ images


def _test_pipeline(cfg: Config) -> Sequence[dict]:
    """Of the images that the network is measured on."""
    for name in ('test_dataloader', 'val_dataloader'):
        dataset = (cfg.get(name) or {}).get('dataset')
        while dataset and 'pipeline' not in dataset:  # a wrapper around others
            dataset = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)
        if dataset:
            return dataset['pipeline']
    return DEFAULT


def plain_pipeline(pipeline: Sequence[dict], modules: set[str]) -> list[dict]:
    """The transforms of images alone; of ours, what mmseg has as well."""
    steps = []
    for step in copy.deepcopy(list(pipeline)):
        name = step['type']
        kind = TRANSFORMS.get(name) if isinstance(name, str) else name
        if issubclass(kind, (LoadAnnotations, *OF_LABELS)) or _loads_labels(kind):
            continue
        if issubclass(kind, LoadImageFromFile) or kind in LOADERS:
            step.pop('backend_args', None)  # where the measured images lay
            step.pop('file_client_args', None)
            step.pop('max_pixels', None)  # mmcv's has none
        module = kind.__module__
        if kind in LOADERS:
            step['type'] = LoadImageFromFile.__name__
        elif kind is LoadBands:
            modules.add(module)
            step['type'] = f'{OWN}.{LoadBands.__name__}'
        elif module.split('.')[0] == OWN:
            raise UserError(
                f'The test pipeline has {kind.__name__}, which mmseg alone does not have: put '
                'transforms of mmseg or mmcv in its place, in test_dataloader.dataset.pipeline.'
            )
        elif module.split('.')[0] in PLAIN:  # MMSegInferencer looks for the plain name
            step['type'] = name.split('.')[-1] if isinstance(name, str) else name
        else:
            modules.add(module)
            step['type'] = f'{OWN}.{name}' if name in TRANSFORMS.module_dict else name
        if step.get('transforms'):  # of a wrapper
            step['transforms'] = _inner(step['transforms'], modules)
        steps.append(step)
    return steps


def _inner(transforms: Any, modules: set[str]) -> list:
    if isinstance(transforms, dict):
        transforms = [transforms]
    if all(isinstance(step, dict) for step in transforms):
        return plain_pipeline(transforms, modules)
    return [_inner(part, modules) for part in transforms]


def _loads_labels(kind: type) -> bool:
    return kind.__name__.startswith('Load') and 'Annotation' in kind.__name__


# ------------------------------------------------------------------ what it takes to load it


def _imports(cfg: Config, modules: set[str]) -> list[str]:
    """Of the config's own imports those that register these modules, and ours."""
    listed = (cfg.get('custom_imports') or {}).get('imports') or []
    listed = [listed] if isinstance(listed, str) else list(listed)
    found: dict[str, None] = {}
    for module in sorted(modules):
        above = [name for name in listed if module == name or module.startswith(f'{name}.')]
        if not above:
            own = '.'.join(module.split('.')[:2])  # semiseg_mm.models, semiseg_mm.datasets
            above = [own] if module.split('.')[0] == OWN else listed
        found.update(dict.fromkeys(above))
    return list(found)
