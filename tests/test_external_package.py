"""A package from outside the tree adds a method, a mixer and a filter, without touching ours."""

import os
from pathlib import Path

from processes import forked

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


def test_it_trains_through_our_tools(tmp_path):
    (tmp_path / 'their_package.py').write_text(PACKAGE)
    (tmp_path / 'theirs.py').write_text(CONFIG)
    (tmp_path / 'configs').symlink_to(ROOT / 'configs')
    options = ['train_cfg.max_iters=2', 'val_dataloader.dataset.num_images=2']
    options += ['default_hooks.logger.interval=1']
    command = [ROOT / 'tools/train.py', 'theirs.py', '--cfg-options', *options]
    done = forked(command, cwd=tmp_path, env={**os.environ, 'PYTHONPATH': '.'})
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert 'loss_entropy' in output and 'loss_strong' in output
    assert 'kept: 0.' in output
    assert (tmp_path / 'work_dirs/theirs/iter_2.pth').is_file()
