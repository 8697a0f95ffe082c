"""What every method must hold. Methods are found by scanning, never by a list: all classes that
derive from SemiSegmentor, in all settings of configs/_base_/methods. Files that come to the same
training are one setting here, which bears the names of all."""

import copy
import re
from inspect import signature
from pathlib import Path

import pytest
import torch
from kernels import deterministic
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.runner import Runner
from torch import nn

import semiseg_mm.models
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.loops import SemiTrainLoop
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_config, toy_network
from semiseg_mm.testing.waits import Waits

METHODS = {
    path.stem: Config.fromfile(path)
    for path in sorted(Path(__file__).parents[1].glob('configs/_base_/methods/*.py'))
}

CLASSES = 4


def setting_of(cfg: Config) -> dict:
    """Return what a method's file says about a training; the rest is about stages and leaves."""
    keys = ('model', 'custom_hooks', 'views', 'optimizer_parts', 'sampler_options')
    return {key: cfg[key] for key in keys if key in cfg}


def distinct_settings() -> dict[str, dict]:
    found: list[tuple[list[str], dict]] = []
    for name, cfg in METHODS.items():
        setting = setting_of(cfg)
        same = [names for names, own in found if own == setting]
        if same:
            same[0].append(name)
        else:
            found.append(([name], setting))
    return {'+'.join(names): setting for names, setting in found}


SETTINGS = distinct_settings()
method = pytest.mark.parametrize('name', SETTINGS)


def build(name: str) -> SemiSegmentor:
    torch.manual_seed(0)
    cfg = dict(SETTINGS[name]['model'], segmentor=toy_network(CLASSES))
    model = revert_sync_batchnorm(MODELS.build(cfg))
    model.init_weights()
    return model.train()


def batch_of(name: str) -> dict:
    return toy_batch(views=SETTINGS[name]['views'], num_classes=CLASSES)


def losses_of(model: SemiSegmentor, batch: dict) -> dict:
    return model(**model.data_preprocessor(copy.deepcopy(batch), True), mode='loss')


def run_config(name: str, work_dir: Path, **extra) -> Config:
    setting = SETTINGS[name]
    extra.update(custom_hooks=setting.get('custom_hooks', []), views=setting['views'])
    if 'optimizer_parts' in setting:
        extra['optim_wrapper.constructor'] = 'PartwiseConstructor'
        extra['optim_wrapper.paramwise_cfg'] = dict(parts=setting['optimizer_parts'])
    for key, value in setting.get('sampler_options', {}).items():
        extra[f'train_dataloader.sampler.{key}'] = value
    return toy_config(work_dir, dict(setting['model']), **extra)


def test_every_registered_method_has_a_setting():
    MODELS.import_from_location()
    classes = {
        key
        for key, kind in MODELS.module_dict.items()
        if isinstance(kind, type)
        and issubclass(kind, SemiSegmentor)
        and kind.__module__.startswith('semiseg_mm.')
    } - {'SemiSegmentor'}
    assert len(classes) >= 3
    assert classes == {cfg.model.type for cfg in METHODS.values()}


def taken_by(kind: type) -> set[str]:
    """Return what the constructors of a method and of its base classes name."""
    classes = [base for base in kind.__mro__ if issubclass(base, SemiSegmentor)]
    found = (set(signature(base.__init__).parameters) for base in classes)
    return set().union(*found) - {'self', 'kwargs'}


KINDS = {cfg['model']['type']: MODELS.get(cfg['model']['type']) for cfg in SETTINGS.values()}
SLOTS = sorted({*set().union(*map(taken_by, KINDS.values())), 'wieght'})
WIRING = {'networks', 'teachers', 'student_views', 'loss_on_labeled'}  # no config sets these


@method
def test_a_slot_that_the_method_does_not_take_is_refused_and_named(name):
    """None is accepted in silence, none ends in a TypeError."""
    model = dict(SETTINGS[name]['model'], segmentor=toy_network(CLASSES))
    kind = KINDS[model['type']]
    refused = set(SLOTS) - taken_by(kind) | WIRING | kind.decided
    assert len(refused) > 4 and not refused & model.keys()
    for slot in sorted(refused):
        with pytest.raises(UserError, match=rf'model\.{slot} is .* {model["type"]}'):
            MODELS.build({**model, slot: 1})


@method
def test_losses_are_finite_and_add_up(name):
    model = build(name)
    losses = losses_of(model, batch_of(name))
    total, logged = model.parse_losses(losses)
    assert torch.isfinite(total) and total > 0
    assert any('loss' in key for key in logged)


@method
def test_gradients_reach_all_students_and_no_teacher(name):
    """Without an operation that a GPU refuses in deterministic mode."""
    model = build(name)
    with deterministic() as refused:
        model.parse_losses(losses_of(model, batch_of(name)))[0].backward()
    assert refused == set()
    for network in model.networks:
        for key, parameter in model.networks[network].named_parameters():
            if network in model.teachers:
                assert parameter.grad is None, f'{network}.{key} is a teacher'
            else:
                assert parameter.grad is not None, f'{network}.{key} has no gradient'


@pytest.mark.parametrize('name', [n for n, s in SETTINGS.items() if 'optimizer_parts' in s])
def test_a_module_with_an_optimizer_of_its_own_learns_from_its_own_loss_alone(name):
    """``loss_<module>`` moves the module and nothing else; no other loss moves it."""
    model = build(name)
    losses = losses_of(model, batch_of(name))
    own = [losses.pop(f'loss_{part}') for part in model.own_optimizers]
    model.parse_losses(losses)[0].backward(retain_graph=True)
    within = [p for part in model.own_optimizers for p in model.auxiliaries[part].parameters()]
    assert within and all(p.grad is None for p in within)
    before = [p.grad.clone() for p in model.networks.parameters()]
    sum(own).backward()
    assert all(torch.equal(p.grad, a) for p, a in zip(model.networks.parameters(), before))
    assert all(p.grad is not None for p in within) and any(p.grad.any() for p in within)


@method
def test_autocast_leaves_no_convolution_without_gradient(name):
    """A no_grad pass under autocast must not poison the cached weights of a later pass."""
    model = build(name)
    with torch.autocast('cpu', torch.bfloat16):
        total, _ = model.parse_losses(losses_of(model, batch_of(name)))
    total.backward()
    for network in model.students:
        for key, module in model.networks[network].named_modules():
            if isinstance(module, nn.Conv2d):
                assert module.weight.grad is not None, f'{network}.{key}'
                assert module.weight.grad.abs().sum() > 0, f'{network}.{key}'


@method
def test_no_valid_pixel_gives_loss_zero(name):
    model, batch = build(name), batch_of(name)
    for view in batch['data_samples'].values():
        for sample in view:
            sample.valid.data.zero_()
            if 'gt_sem_seg' in sample:
                sample.gt_sem_seg.data.fill_(255)
    total, _ = model.parse_losses(losses_of(model, batch))
    assert total == 0
    total.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in gradients)


@method
def test_followers_equal_their_leaders_at_step_zero_and_stay_in_eval(name):
    model = build(name)
    for follower, leader in model.followers():
        expected = leader.state_dict()
        for key, value in follower.state_dict().items():
            assert torch.equal(value, expected[key]), key
        assert not any(m.training for m in follower.modules())
        assert all(p.grad is None and not p.requires_grad for p in follower.parameters())
    assert all(model.networks[s].training for s in model.students)


@method
def test_loss_leaves_modes_and_followers_alone(name):
    """Statistics too, unless the teacher keeps its own (``buffers='keep'``), which it may move."""
    model = build(name)
    hooks = SETTINGS[name].get('custom_hooks', [])
    own = any(hook.get('buffers') == 'keep' for hook in hooks)
    modes = {key: module.training for key, module in model.named_modules()}
    followers = [module for module, _ in model.followers()]
    weights = [dict(m.named_parameters()) if own else m.state_dict() for m in followers]
    before = copy.deepcopy(weights)
    losses_of(model, batch_of(name))
    assert modes == {key: module.training for key, module in model.named_modules()}
    for one, two in zip(before, weights, strict=True):
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], value) for key, value in two.items())


@method
def test_a_plain_mmseg_checkpoint_loads_into_all_networks(name, tmp_path):
    torch.manual_seed(5)
    cfg = toy_network(CLASSES)
    cfg.pop('data_preprocessor')
    plain = MODELS.build(cfg)
    torch.save(dict(state_dict=plain.state_dict()), tmp_path / 'plain.pth')
    model = build(name)
    model.load_state_dict(safe_load(tmp_path / 'plain.pth')['state_dict'])  # strict
    images = torch.randn(1, 3, 16, 16)
    for network in model.networks.values():
        assert torch.equal(network.eval()(images), plain.eval()(images))


@method
def test_every_network_predicts(name):
    model = build(name).eval()
    batch = toy_batch(labeled=1)
    data = dict(
        inputs=batch['inputs']['labeled'], data_samples=batch['data_samples']['labeled'][:1]
    )
    for network in model.networks:
        with model.predicting_on(network):
            (sample,) = model.test_step(copy.deepcopy(data))
        assert sample.pred_sem_seg.shape == (16, 16)


@method
def test_resumed_equals_uninterrupted(name, tmp_path, monkeypatch):
    """6 iterations, and 3 + resume + 3 in another folder, end with the same bits. On the way, the
    host waits for the device where a log is written, and where a line of the models says so."""
    waits = watch_iterations(monkeypatch)
    resume_halfway(name, tmp_path, workers=0)
    assert [place for place in waits[5] if not says_so(place)] == []
    assert torch.cuda.is_available() or waits[4]  # its values were fetched for the log


MODELS_FOLDER = Path(semiseg_mm.models.__file__).parent


def says_so(place: str) -> bool:
    """Return whether a line of the models has a comment on why it waits: # waits: …"""
    file, _, line = place.rpartition(' at ')[2].rpartition(':')
    path = MODELS_FOLDER / file
    lines = path.read_text(encoding='utf-8').splitlines() if path.is_file() else []
    return bool(lines) and bool(re.search(r'#.*\bwaits: \w', lines[int(line) - 1]))


def test_only_lines_that_say_so_may_wait():
    file = MODELS_FOLDER / 'losses/pixel_contrast.py'
    lines = file.read_text(encoding='utf-8').splitlines()
    number = next(k for k, line in enumerate(lines, 1) if '# waits: ' in line)
    assert says_so(f'nonzero at losses/pixel_contrast.py:{number}')
    assert not says_so(f'nonzero at losses/pixel_contrast.py:{number - 1}')
    assert not says_so('cpu at runner/runner.py:1')


def watch_iterations(monkeypatch) -> dict[int, list[str]]:
    """Collect where each iteration waits for the device; with a GPU, the fifth must not.

    Unless an earlier one waited where a line says so."""
    found: dict[int, list[str]] = {}
    run_iter = SemiTrainLoop.run_iter

    def watched(loop, batch):
        may_wait = any(says_so(place) for places in found.values() for place in places)
        real = torch.cuda.is_available() and loop.iter == 4 and not may_wait
        with Waits(loop.runner.model, real=real) as waits:
            run_iter(loop, batch)
        found[loop.iter] = waits.places

    monkeypatch.setattr(SemiTrainLoop, 'run_iter', watched)
    return found


def test_resumed_with_workers_it_equals_the_uninterrupted_run_too(tmp_path):
    """They belong to the stream, not to a method: the one with the most views stands for all."""
    name = max(SETTINGS, key=lambda name: len(SETTINGS[name]['views']))
    resume_halfway(name, tmp_path, workers=2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@method
def test_resumed_equals_uninterrupted_on_a_gpu(name, tmp_path):
    """In deterministic mode, which validates as well: the same bits."""
    try:
        resume_halfway(name, tmp_path, workers=0, **{'randomness.deterministic': True})
    finally:
        torch.use_deterministic_algorithms(False)


def resume_halfway(name: str, tmp_path: Path, workers: int, **extra) -> None:
    whole, rest = tmp_path / 'whole', tmp_path / 'rest'
    build_runner(run_config(name, whole, workers=workers, **extra)).train()
    rest.mkdir()
    (rest / 'iter_3.pth').write_bytes((whole / 'iter_3.pth').read_bytes())
    resumed: Runner = build_runner(run_config(name, rest, workers=workers, resume=True, **extra))
    resumed.train()
    a, b = (safe_load(folder / 'iter_6.pth') for folder in (whole, rest))
    assert a['meta']['iter'] == b['meta']['iter'] == 6
    assert_equal(a['state_dict'], b['state_dict'])
    assert_equal(a['optimizer'], b['optimizer'])
    before = safe_load(whole / 'iter_3.pth')['state_dict']
    assert any(not torch.equal(before[key], value) for key, value in a['state_dict'].items())


def assert_equal(a, b, path: str = ''):
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_equal(a[key], b[key], f'{path}.{key}')
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), path
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_equal(x, y, f'{path}[{index}]')
    else:
        assert a == b, path
