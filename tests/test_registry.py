import sys

import pytest
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from semiseg_mm import registry
from semiseg_mm.errors import UserError

FOREIGN = [
    ('MODELS', 'ResNetV1c', 'mmseg'),
    ('MODELS', 'EncoderDecoder', 'mmseg'),
    ('MODELS', 'SegDataPreProcessor', 'mmseg'),
    ('MODELS', 'CrossEntropyLoss', 'mmseg'),
    ('MODELS', 'BaseDataPreprocessor', 'mmengine'),
    ('METRICS', 'IoUMetric', 'mmseg'),
    ('DATASETS', 'PascalVOCDataset', 'mmseg'),
    ('DATASETS', 'RepeatDataset', 'mmengine'),
    ('DATA_SAMPLERS', 'DefaultSampler', 'mmengine'),
    ('TRANSFORMS', 'CenterCrop', 'mmcv'),
    ('TRANSFORMS', 'PackSegInputs', 'mmseg'),
    ('HOOKS', 'CheckpointHook', 'mmengine'),
    ('OPTIMIZERS', 'SGD', 'torch'),
    ('OPTIM_WRAPPERS', 'AmpOptimWrapper', 'mmengine'),
    ('OPTIM_WRAPPER_CONSTRUCTORS', 'DefaultOptimWrapperConstructor', 'mmengine'),
    ('PARAM_SCHEDULERS', 'PolyLR', 'mmengine'),
    ('VISUALIZERS', 'SegLocalVisualizer', 'mmseg'),
    ('VISBACKENDS', 'LocalVisBackend', 'mmengine'),
    ('LOOPS', 'IterBasedTrainLoop', 'mmengine'),
    ('RUNNERS', 'Runner', 'mmengine'),
    ('LOG_PROCESSORS', 'LogProcessor', 'mmengine'),
]
OWN = [
    ('MODELS', 'MeanTeacher'),
    ('MODELS', 'BoxMix'),
    ('DATASETS', 'SemiDataset'),
    ('DATA_SAMPLERS', 'SourceRatioSampler'),
    ('TRANSFORMS', 'StrongView'),
    ('TRANSFORMS', 'LoadAnnotations'),
    ('HOOKS', 'MeanTeacherHook'),
    ('LOOPS', 'SemiTrainLoop'),
    ('RUNNERS', 'SemiRunner'),
]


@pytest.mark.parametrize(('kind', 'name', 'package'), FOREIGN)
def test_types_of_other_packages_need_no_prefix(kind, name, package):
    found = getattr(registry, kind).get(name)
    assert found.__name__ == name
    assert found.__module__.split('.')[0] == package


@pytest.mark.parametrize(('kind', 'name'), OWN)
def test_own_types_are_found(kind, name):
    assert getattr(registry, kind).get(name).__module__.startswith('semiseg_mm.')


def test_a_prefix_still_works():
    assert registry.MODELS.get('mmseg.ResNetV1c') is registry.MODELS.get('ResNetV1c')
    assert registry.MODELS.get('semiseg_mm.BoxMix') is registry.MODELS.get('BoxMix')


@pytest.mark.parametrize(
    ('kind', 'wrong', 'right'),
    [
        ('MODELS', 'BoxMixx', 'BoxMix'),
        ('MODELS', 'ResNetV1', 'ResNetV1c'),
        ('TRANSFORMS', 'LoadImagesFromFile', 'LoadImageFromFile'),
        ('HOOKS', 'ChekpointHook', 'CheckpointHook'),
        ('METRICS', 'IouMetric', 'IoUMetric'),
        ('METRICS', '..IouMetric', 'IoUMetric'),
    ],
)
def test_an_unknown_type_is_refused_with_the_nearest_name(kind, wrong, right):
    with pytest.raises(UserError) as caught:
        getattr(registry, kind).build(dict(type=wrong))
    text = str(caught.value)
    assert f"type='{wrong}'" in text and right in text.split('Did you mean')[1].split('?')[0]
    assert "custom_imports = dict(imports=['your.module'])" in text


def test_a_name_like_no_other_gets_no_hint():
    with pytest.raises(UserError) as caught:
        registry.MODELS.build(dict(type='Qqqqzzzz'))
    assert 'Did you mean' not in str(caught.value)


def test_asking_whether_a_type_exists_is_no_error():
    assert 'BoxMix' in registry.MODELS and 'ResNetV1c' in registry.MODELS
    assert 'Qqqqzzzz' not in registry.MODELS


@pytest.mark.parametrize('home', ['semiseg_mm', 'mmseg', 'mmengine'])
def test_a_class_from_outside_resolves_after_custom_imports(tmp_path, monkeypatch, home):
    """Whichever registry it was put into, without touching this tree."""
    name = f'Outside{home.title().replace("_", "")}Loss'
    module = f'outside_{home}'
    (tmp_path / f'{module}.py').write_text(
        f'from {home}.registry import MODELS\nfrom torch import nn\n\n\n'
        f'@MODELS.register_module()\nclass {name}(nn.Module):\n    pass\n'
    )
    (tmp_path / 'config.py').write_text(
        f"custom_imports = dict(imports=['{module}'])\nloss = dict(type='{name}')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match='custom_imports'):
        registry.MODELS.build(dict(type=name))
    cfg = Config.fromfile(tmp_path / 'config.py')
    import_modules_from_strings(**cfg.custom_imports)
    try:
        assert type(registry.MODELS.build(cfg.loss)) is getattr(sys.modules[module], name)
    finally:
        del sys.modules[module]
        parent = registry.MODELS
        while parent is not None:  # leave the registries as they were
            parent.module_dict.pop(name, None)
            parent = parent.parent
