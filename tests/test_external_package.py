"""Packages from outside the tree add methods, a mixer and a filter, without touching ours."""

import json
import os
import re
from pathlib import Path

import pytest
import torch
from processes import forked

from semiseg_mm.engine.checkpoint import safe_load

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = '''
import torch
from torch import nn

from semiseg_mm.models import WeakToStrongSegmentor
from semiseg_mm.models.mixing import draw_partners
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask


@MODELS.register_module()
class HalfMix(nn.Module):
    """The left half comes from the next image."""

    def draw(self, images, target=None):
        mask = torch.zeros(len(images), *images.shape[2:], dtype=torch.bool)
        mask[:, :, : images.shape[3] // 2] = True
        return MixMask(mask.to(images.device), draw_partners(images))


@MODELS.register_module()
class EveryOther(nn.Module):
    """Every other column counts."""

    def forward(self, target):
        weight = torch.zeros_like(target.confidence)
        weight[..., ::2] = 1
        return target._replace(weight=weight)


@MODELS.register_module()
class Sharpened(WeakToStrongSegmentor):
    """Adds the entropy of the strong view's prediction."""

    def unsupervised_loss(self, views, outputs):
        losses = super().unsupervised_loss(views, outputs)
        p = outputs['student']['strong'].logits.softmax(1)
        losses['loss_entropy'] = 0.1 * -(p * p.clamp(min=1e-6).log()).sum(1).mean()
        return losses
'''
CONFIG = """
_base_ = [
    'configs/_base_/models/unet_s2.py',
    'configs/_base_/datasets/shapes.py',
    'configs/_base_/methods/fixmatch.py',
    'configs/_base_/schedules/sgd_1k_shapes.py',
    'configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['their_package'], allow_failed_imports=False)
model = dict(
    type='Sharpened',
    segmentor=_base_.segmentor,
    num_classes=_base_.num_classes,
    mixer=dict(_delete_=True, type='HalfMix'),
    filter=dict(_delete_=True, type='EveryOther'),
)
train_dataloader = dict(dataset=dict(views=_base_.views))
"""


def train(folder: Path, package: str, config: str, *options: str) -> str:
    """Train their config for three iterations with tools/train.py; returns what it said."""
    (folder / 'their_package.py').write_text(package)
    (folder / 'theirs.py').write_text(config)
    if not (folder / 'configs').exists():
        (folder / 'configs').symlink_to(ROOT / 'configs')
    given = ['train_cfg.max_iters=3', 'val_dataloader.dataset.num_images=2']
    given += ['default_hooks.logger.interval=1', 'default_hooks.checkpoint.interval=1']
    given += ['default_hooks.checkpoint.max_keep_ckpts=-1']
    command = [ROOT / 'tools/train.py', 'theirs.py', '--cfg-options', *given, *options]
    done = forked(command, cwd=folder, env={**os.environ, 'PYTHONPATH': '.'})
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def test_it_trains_through_our_tools(tmp_path):
    output = train(tmp_path, PACKAGE, CONFIG)
    assert 'loss_entropy' in output and 'loss_strong' in output
    assert 'kept: 0.' in output
    assert (tmp_path / 'work_dirs/theirs/iter_3.pth').is_file()


METHOD = """
_base_ = [
    'configs/_base_/models/unet_s2.py',
    'configs/_base_/datasets/shapes.py',
    'configs/_base_/schedules/sgd_1k_shapes.py',
    'configs/_base_/default_runtime.py',
]
custom_imports = dict(imports=['their_package'], allow_failed_imports=False)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, {model})
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
"""
MEAN_TEACHER = "custom_hooks = [dict(type='MeanTeacherHook')]\n"
JUDGE = "paramwise_cfg=dict(parts=dict(judge=dict(type='Adam', lr=1e-3)))"


def state(folder: Path, step: int, part: str) -> dict:
    found = safe_load(folder / f'work_dirs/theirs/iter_{step}.pth')['state_dict']
    return {key: value for key, value in found.items() if key.startswith(part)}


def moved(folder: Path, part: str) -> bool:
    """Whether the second iteration has changed all of its weights, or none of its values."""
    first, second = (state(folder, step, part) for step in (1, 2))
    assert first.keys() == second.keys() and first
    changed = {key for key in first if not torch.equal(first[key], second[key])}
    assert not changed or {key for key in first if key.endswith('weight')} <= changed
    return bool(changed)


def plugin(name: str) -> str:
    return (ROOT / f'tests/plugins/{name}.py').read_text()


def test_a_method_with_a_projector_and_a_bank(tmp_path):
    """Each in one file, here and below; ``tests/plugins`` has them."""
    config = METHOD.format(model="type='Prototypes'") + MEAN_TEACHER
    assert 'loss_prototypes' in train(tmp_path, plugin('projector_bank'), config)
    for part in ('networks.student', 'networks.teacher', 'auxiliaries.projector'):
        assert moved(tmp_path, part), part
    assert moved(tmp_path, 'auxiliaries.taught')
    rows = [len(value) for value in state(tmp_path, 2, 'bank').values()]
    assert max(rows) == 20 and len(rows) == 7


def test_a_method_with_a_discriminator_and_its_optimizer(tmp_path):
    config = METHOD.format(model="type='FoolTheJudge'")
    config += f"optim_wrapper = dict(constructor='PartwiseConstructor', {JUDGE})\n"
    output = train(tmp_path, plugin('discriminator'), config)
    assert 'loss_fooled' in output and 'loss_judge' in output
    assert moved(tmp_path, 'auxiliaries.judge') and moved(tmp_path, 'networks.student')
    steps = safe_load(tmp_path / 'work_dirs/theirs/iter_2.pth')['optimizer']['state']
    kinds = [frozenset(own) for own in steps.values()]
    assert kinds.count(frozenset({'step', 'exp_avg', 'exp_avg_sq'})) == 4  # of the judge
    assert set(kinds) - {frozenset({'step', 'exp_avg', 'exp_avg_sq'})} == {
        frozenset({'momentum_buffer'})
    }


def test_without_its_optimizer_a_discriminator_is_refused(tmp_path):
    config = METHOD.format(model="type='FoolTheJudge'")
    with pytest.raises(AssertionError, match='judge needs an optimizer of its own'):
        train(tmp_path, plugin('discriminator'), config)


def test_a_method_that_needs_the_gradient_of_the_images(tmp_path):
    config = METHOD.format(model="type='VirtualAdversary'")
    assert 'loss_vat' in train(tmp_path, plugin('input_gradient'), config)
    assert moved(tmp_path, 'networks.student')


def test_a_method_with_a_frozen_guide_of_another_architecture(tmp_path):
    head = "dict(type='FCNHead', in_channels=6, channels=6, in_index=0, num_classes=7, num_convs=1)"
    guide = f"dict(type='EncoderDecoder', backbone=dict(type='ToyBackbone'), decode_head={head})"
    config = METHOD.format(model=f"type='Guided', guide={guide}")
    config = config.replace("['their_package']", "['their_package', 'semiseg_mm.testing']")
    assert 'loss_guided' in train(tmp_path, plugin('frozen_guide'), config)
    assert moved(tmp_path, 'networks.student') and not moved(tmp_path, 'auxiliaries.guide')
    results = json.loads((tmp_path / 'work_dirs/theirs/results.json').read_text())
    assert set(results['networks']) == {'student'}  # the guide is not validated


def test_these_methods_use_no_device_but_that_of_their_images():
    """On the meta device a tensor of the CPU does not mix with others."""
    sources = {p.stem: p.read_text() for p in (ROOT / 'tests/plugins').glob('*.py')}
    assert len(sources) == 4
    for name, source in sources.items():
        made = re.findall(r'torch\.(?:zeros|ones|tensor|full|arange|rand|randn)\(', source)
        assert not made, f'{name}: {made}'
