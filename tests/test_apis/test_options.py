"""``--cfg-options``: what nothing reads is refused, with the nearest place or name."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from semiseg_mm.apis import options as parts
from semiseg_mm.apis import run_train
from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.compare.methods import Choice, compose, load_base
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import toy_stages

METHODS = Path(__file__).parents[2] / 'configs/_base_/methods'
NAMES = dict(  # of a config's own, for use below them
    crop_size=(16, 24),
    num_classes=7,
    data_root='data/shapes',
    test_mode=dict(mode='slide', crop_size=(16, 24), stride=(8, 12)),
    box=dict(type='BoxMix', boxes=3),
    views=dict(weak=[], strong=[dict(type='StrongView', sigma=(0.1, 1.0))]),
    strong_views=dict(weak=[], strong=[dict(type='StrongView', sigma=(0.3, 1.0))]),
    of_split={'30': dict(max_iters=2)},
)
PLAIN, STAGED = 'plain.py', 'staged.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A config with names of its own that are used below them, and one with stages."""
    folder = tmp_path_factory.mktemp('configs')
    method = Config.fromfile(METHODS / 'fixmatch.py').model
    model = {**method, 'mixer': NAMES['box'], 'test_cfg': NAMES['test_mode'], 'num_classes': 7}
    cfg = toy_config('unused', model, custom_hooks=[dict(type='MeanTeacherHook')])
    dataset = cfg.train_dataloader.dataset
    dataset.update(crop_size=NAMES['crop_size'], views=NAMES['views'], split='splits/30')
    dataset.labeled.data_prefix = dict(img_path='images')
    dataset.labeled.data_root = NAMES['data_root']
    optimizer = dict(optimizer=dict(type='SGD', lr=0.1), paramwise_cfg=dict(custom_keys={}))
    optimizer['paramwise_cfg']['custom_keys']['head'] = dict(lr_mult=10.0)
    cfg.optim_wrapper = optimizer
    cfg.update(NAMES, auto_scale_lr=dict(base_batch_size=4))
    cfg.dump(folder / PLAIN)
    toy_stages('unused').dump(folder / STAGED)
    return folder


AT_THE_TOP = [
    (PLAIN, 'crop_size', 'model.test_cfg.crop_size, train_dataloader.dataset.crop_size:'),
    (PLAIN, 'test_mode.mode', 'is used as model.test_cfg.mode: set it there'),
    (PLAIN, 'num_classes', 'is used as model.num_classes'),
    (PLAIN, 'data_root', 'as train_dataloader.dataset.labeled.data_root: set'),
    (PLAIN, 'views', 'is used as train_dataloader.dataset.views: set it there'),
    (PLAIN, 'views.strong', 'is used as train_dataloader.dataset.views.strong: set it there'),
    (PLAIN, 'box.prob', 'is used as model.mixer.prob: set it there'),
    (PLAIN, 'of_split', "nothing reads 'of_split' once the config is parsed"),
    (PLAIN, 'split', 'train_dataloader.dataset.split, '),
    (PLAIN, 'max_iter', "has no 'max_iter'. Did you mean 'train_cfg.max_iters'?"),
    (PLAIN, 'optim_wraper.type', "has no 'optim_wraper'. Did you mean 'optim_wrapper'?"),
    (PLAIN, 'rounds', "only a config with runner_type='StagedRunner' reads rounds"),
    (PLAIN, 'launcher', 'give --launcher instead'),
    (STAGED, 'stages.0.cfg.crop_size', "the config has no 'crop_size'. Did you mean train_"),
    (PLAIN, 'strong_views.weak', "nothing reads 'strong_views'"),  # compare does
]
DEEPER = [
    (PLAIN, 'model.wieght', "of WeakToStrongSegmentor: did you mean 'weight'?"),
    (PLAIN, 'train_cfg.max_iter', "of SemiTrainLoop: did you mean 'max_iters'?"),
    (PLAIN, 'optim_wrapper.optimizer.lrr', "of SGD: did you mean 'lr'?"),
    (PLAIN, 'optim_wrapper.clip_grd', "of OptimWrapper: did you mean 'clip_grad'?"),
    (PLAIN, 'optim_wrapper.paramwise_cfg.norm_decay', "Did you mean 'norm_decay_mult'?"),
    (PLAIN, 'optim_wrapper.paramwise_cfg.custom_keys.head.lr_mul', "Did you mean 'lr_mult'?"),
    (PLAIN, 'param_scheduler.0.powr', "of PolyLR: did you mean 'power'?"),
    (PLAIN, 'env_cfg.cudn_benchmark', "Did you mean 'cudnn_benchmark'?"),
    (PLAIN, 'default_hooks.checkpoint.intervall', "did you mean 'interval'?"),
    (PLAIN, 'default_hooks.logge.interval', "default_hooks has no 'logge'. Did you mean"),
    (PLAIN, 'log_processor.windw_size', "of LogProcessor: did you mean 'window_size'?"),
    (PLAIN, 'randomness.sed', "Did you mean 'seed'?"),
    (PLAIN, 'auto_scale_lr.enabled', "Did you mean 'enable'?"),
    (PLAIN, 'train_dataloader.num_worker', "Did you mean 'num_workers'?"),
    (PLAIN, 'train_dataloader.dataset.labeled.data_prefix.img_pth', "Did you mean 'img_path'?"),
    (PLAIN, 'model.test_cfg.mdoe', "Did you mean 'mode'?"),
    (PLAIN, 'val_evaluator.iou_metric', "of ConfusionMetric: did you mean 'iou_metrics'?"),
    (STAGED, 'stages.1.shar', "of RankStage: did you mean 'share'?"),
    (STAGED, 'stages.0.cfg.train_cfg.max_iter', "of SemiTrainLoop: did you mean 'max_iters'?"),
    (STAGED, 'stages.9.name', 'does not fit its config: Index 9 exceeds the length of list.'),
    (PLAIN, 'custom_hooks.decay', 'does not fit its config: list indices must be integers'),
]
TAKEN = [
    (PLAIN, 'train_dataloader.dataset.crop_size'),
    (PLAIN, 'train_dataloader.pin_memory'),
    (PLAIN, 'train_dataloader.dataset.views.another'),
    (PLAIN, 'optim_wrapper.clip_grad.max_norm'),
    (PLAIN, 'optim_wrapper.accumulative_counts'),
    (PLAIN, 'param_scheduler.0.convert_to_iter_based'),
    (PLAIN, 'default_hooks.logger.priority'),
    (PLAIN, 'env_cfg.dist_cfg.timeout'),
    (PLAIN, 'model.segmentor.decode_head.dropout_ratio'),
    (PLAIN, 'model_wrapper_cfg.static_graph'),
    (PLAIN, 'find_unused_parameters'),
    (PLAIN, 'compile'),
    (PLAIN, 'work_dir'),
    (STAGED, 'rounds'),
    (STAGED, 'stages.0.cfg.train_cfg.max_iters'),
    (STAGED, 'stages.2.select'),
    (STAGED, 'stages.2.repeat'),
    (PLAIN, 'model.segmentor.decode_head.norm_cfg.requires_grad'),
]


@pytest.mark.parametrize(('config', 'key', 'expected'), [*AT_THE_TOP, *DEEPER])
def test_what_nothing_reads_is_refused(folder, config, key, expected):
    with pytest.raises(UserError) as caught:
        load_config(str(folder / config), {key: 5})
    assert str(caught.value).startswith(f'--cfg-options {key}=…')
    assert expected in str(caught.value)


@pytest.mark.parametrize(('config', 'key'), TAKEN)
def test_what_is_read_is_taken(folder, config, key):
    cfg = load_config(str(folder / config), {key: True if key.endswith('grad') else 1})
    for step in key.split('.'):
        cfg = cfg[int(step) if isinstance(cfg, list) else step]
    assert cfg == 1


def keys_of(cfg, path=()):
    """Yield the path of each part of a config, and its keys; a stage's own config is left out."""
    node = parts._get(cfg, path)
    if isinstance(node, (list, tuple)):
        inner = map(str, range(len(node)))
    elif isinstance(node, dict) and not (path[:1] == ('stages',) and path[-1] == 'cfg'):
        inner = node if path else parts.OF_RUNNER | parts.STAGED & node.keys()
        inner = [key for key in inner if key in node]
        yield from ((list(path), key) for key in inner if path)
    else:
        return
    for key in inner:
        yield from keys_of(cfg, (*path, key))


def test_no_key_of_our_own_configs_would_be_refused():
    init_default_scope('semiseg_mm')
    leaves = [file for file in METHODS.parents[1].glob('*/*.py') if file.parent.name != '_base_']
    seen, wrong = set(), {}
    for leaf in leaves:
        cfg = Config.fromfile(leaf)._cfg_dict
        stages = map(str, range(len(cfg.get('stages', ()))))
        for one in (cfg, *(parts._of_stage(cfg, number) for number in stages)):
            for path, key in keys_of(one):
                names = tuple(step for step in path if not step.isdigit())
                kind = (names, str(parts._get(one, path).get('type')), key)
                refusal = None if kind in seen else parts._in_part(path, key, one)
                seen.add(kind)
                if refusal:
                    wrong[refusal] = leaf.name
    assert len(leaves) > 50 and len(seen) > 200
    assert not wrong


def test_a_value_of_a_part_is_found_by_the_name_of_its_type(folder):
    with pytest.raises(UserError, match=r'Or is model\.filter\.value meant, of the Threshold\?'):
        load_config(str(folder / PLAIN), {'model.treshold': 0.9})


@pytest.mark.parametrize(
    'key, value, said',
    [
        ('train_dataloader', 5, 'set one of them (train_dataloader.'),
        ('model.mixer', 'abc', 'set one of them (model.mixer.'),
        ('custom_hooks', 'abc', 'set one of them (custom_hooks.0.type=…)'),
        ('model.joint_forward', 'abc', "'abc' is neither True nor False"),
        ('model.type', 5, '5 is no type: give the name of one'),
    ],
)
def test_one_value_does_not_stand_for_a_part(folder, key, value, said):
    with pytest.raises(UserError, match=re.escape(f'--cfg-options {key}=…: ')) as refused:
        load_config(str(folder / PLAIN), {key: value})
    assert said in str(refused.value)
    load_config(str(folder / PLAIN), {'model.mixer': None, 'custom_hooks': []})


def test_the_command_says_it_in_one_sentence(folder, capsys, tmp_path):
    config = str(folder / PLAIN)
    arguments = ['--work-dir', str(tmp_path), '--cfg-options', 'crop_size=(64,64)']
    assert run_train([config, *arguments]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith('error: --cfg-options crop_size=…: nothing reads') and '\n' not in error


def test_compare_reads_one_name_more_and_refuses_as_train_does(folder):
    views = {'strong_views.strong': [dict(type='StrongView', sigma=(1, 2))]}
    base = load_base(str(folder / PLAIN), views)
    assert base.strong_views.strong[0].sigma == (1, 2)
    with pytest.raises(UserError, match=r'--cfg-options crop_size=…: .*dataset\.crop_size'):
        load_base(str(folder / PLAIN), {'crop_size': 5})
    method = METHODS / 'fixmatch.py'
    with pytest.raises(UserError, match=r"--method-options fixmatch:model\.wieght=…: .*'weight'"):
        compose(base, Choice('fixmatch', method, {'model.wieght': 2}))


def test_code_from_outside_may_read_any_name(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'readers_of_mine.py').touch()
    text = "_base_ = '{}'\nmy_option = 3\n{}"
    imports = "custom_imports = dict(imports=['readers_of_mine'])"
    for name, more in (('with', imports), ('without', '')):
        (tmp_path / f'{name}.py').write_text(text.format(folder / PLAIN, more))
    assert load_config(str(tmp_path / 'with.py'), {'my_option': 4}).my_option == 4
    with pytest.raises(UserError, match="nothing reads 'my_option'"):
        load_config(str(tmp_path / 'without.py'), {'my_option': 4})


def test_modules_that_an_option_names_are_imported(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'filters_of_mine.py').write_text(
        'from semiseg_mm.registry import MODELS\n'
        '@MODELS.register_module(force=True)\n'
        'class FilterOfMine:\n    def __init__(self, limit): ...\n'
    )
    options = {
        'custom_imports.imports': ['filters_of_mine'],
        'model.filter.type': 'FilterOfMine',
        'model.filter.limt': 1,
    }
    with pytest.raises(UserError, match=r"of FilterOfMine: did you mean 'limit'\?"):
        load_config(str(folder / PLAIN), options)


def test_keywords_that_are_handed_to_a_part_are_taken(folder, tmp_path, monkeypatch):
    """Where they end cannot be known, so what takes **kwargs beside BaseModule may take any."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'backbones_of_mine.py').write_text(
        'from mmengine.model import BaseModule\n'
        'from semiseg_mm.registry import MODELS\n'
        '@MODELS.register_module(force=True)\n'
        'class BackboneOfMine(BaseModule):\n'
        '    def __init__(self, name, init_cfg=None, **kwargs):\n'
        '        super().__init__(init_cfg)\n'
    )
    options = {
        'custom_imports.imports': ['backbones_of_mine'],
        'model.segmentor.backbone.type': 'BackboneOfMine',
        'model.segmentor.backbone.drop_path_rate': 0.1,
    }
    cfg = load_config(str(folder / PLAIN), options)
    assert isinstance(cfg, Config) and cfg.model.segmentor.backbone.drop_path_rate == 0.1


def test_options_of_mixed_precision_count_with_amp_alone(folder, monkeypatch):
    monkeypatch.setattr('semiseg_mm.apis.command.is_cuda_available', lambda: True)
    for key, value in (('dtype', 'bfloat16'), ('loss_scale', 512.0)):
        option = {f'optim_wrapper.{key}': value}
        cfg = load_config(str(folder / PLAIN), option, amp='float16')
        assert cfg.optim_wrapper.type == 'AmpOptimWrapper' and cfg.optim_wrapper[key] == value
        with pytest.raises(UserError, match=f'{key} is not an argument of OptimWrapper'):
            load_config(str(folder / PLAIN), option)


@pytest.mark.parametrize(
    ('key', 'read'),
    [
        ('norm_decay_mul', False),
        ('norm_decay_mult', True),
        ('parts.judge.lr', True),
        ('parts.judge.whatever', True),  # the optimizer refuses it
    ],
)
def test_keys_of_an_optimizer_with_parts(folder, key, read):
    constructor = {'optim_wrapper.constructor': 'PartwiseConstructor'}
    option = {**constructor, f'optim_wrapper.paramwise_cfg.{key}': 0.5}
    if read:
        assert load_config(str(folder / PLAIN), option)
        return
    with pytest.raises(UserError, match=key):
        load_config(str(folder / PLAIN), option)


def test_parts_without_their_constructor_are_read_by_nobody(folder):
    with pytest.raises(UserError, match='parts'):
        load_config(str(folder / PLAIN), {'optim_wrapper.paramwise_cfg.parts.judge.lr': 0.5})
