"""The AdamW schedules, on tiny transformers of configs/_base_/models."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from semiseg_mm.engine.train_plan import TrainPlan
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.testing.networks import tiny_network

BASE = Path(__file__).parents[2] / 'configs/_base_'


def schedule(name: str) -> Config:
    return Config.fromfile(BASE / f'schedules/{name}.py')


def groups(network: str, optim_wrapper: dict, method: str = 'unimatch_v2'):
    """The settings of each trained weight, by its name; and the model."""
    cfg = Config.fromfile(BASE / f'methods/{method}.py').model.to_dict()
    segmentor = tiny_network(BASE / f'models/{network}.py')
    model = MODELS.build(dict(cfg, segmentor=segmentor, num_classes=3))
    optimizer = build_optim_wrapper(model, optim_wrapper).optimizer
    assert isinstance(optimizer, torch.optim.AdamW)
    names = {id(p): name for name, p in model.named_parameters()}
    found = [(names[id(p)], g) for g in optimizer.param_groups for p in g['params']]
    assert len(found) == len(dict(found))  # no weight twice
    assert set(dict(found)) == {name for name, p in model.named_parameters() if p.requires_grad}
    return dict(found), optimizer


@pytest.mark.parametrize('network', ['dpt_dinov2-s', 'segformer_b0', 'upernet_vit-b16'])
def test_backbone_and_all_else_have_rates_of_their_own(network):
    """The names of a method's networks have a prefix; the teacher is none of the optimizer's."""
    found, _ = groups(network, schedule('adamw_vit').optim_wrapper)
    assert not any('.teacher.' in name for name in found)
    for name, group in found.items():
        expected = 5e-6 if name.startswith('networks.student.backbone.') else 2e-4
        assert group['lr'] == pytest.approx(expected)
        assert group['weight_decay'] == 0.01 and group['betas'] == (0.9, 0.999)


def test_iterations_are_those_of_the_epochs():
    """VOC: 60 epochs of 4 processes x 4 unlabeled images; Cityscapes: 180 of 4 x 2."""
    for name, images, share, iters in (
        ('adamw_vit', 10490, 4, 60 * (2623 // 4)),
        ('adamw_vit_cityscapes', 2789, 2, 180 * (698 // 2)),
    ):
        words = TrainPlan.of_cfg(schedule(name).train_cfg)
        plan = words.count(dict(labeled=92, unlabeled=images), dict(unlabeled=share), processes=4)
        assert plan[:2] == (iters, iters // 10)


@pytest.mark.parametrize(
    ('network', 'blocks', 'students'),
    [
        ('dpt_dinov2-s', 'blocks', ['student']),
        ('upernet_vit-b16', 'layers', ['student']),
        ('segformer_b0', 'layers', ['student']),
        ('dpt_dinov2-s', 'blocks', ['net_0', 'net_1']),
    ],
)
def test_rates_fall_from_block_to_block(network, blocks, students):
    """Four blocks: the last has a quarter of the rate, each below three quarters of the next."""
    method = 'unimatch_v2' if len(students) == 1 else 'cps'
    found, optimizer = groups(network, schedule('adamw_vit_layerwise').optim_wrapper, method)
    rates = {i: 2e-4 * 0.25 * 0.75 ** (3 - i) for i in range(4)}
    for student in students:
        at = f'networks.{student}'
        for name, group in found.items():
            if name.startswith(f'{at}.backbone.{blocks}.'):
                assert group['lr'] == pytest.approx(rates[int(name.split('.')[4])]), name
            elif name.startswith(f'{at}.decode_head.') or name.startswith(f'{at}.neck.'):
                assert group['lr'] == 2e-4
        if network == 'dpt_dinov2-s':
            for name in ('pos_embed', 'cls_token', 'patch_embed.proj.weight'):
                rate = found[f'{at}.backbone.{name}']['lr']
                assert rate == pytest.approx(2e-4 * 0.25 * 0.75**4)
            assert found[f'{at}.backbone.norm.weight']['lr'] == pytest.approx(rates[3])
            decays = [
                found[f'{at}.{name}']['weight_decay']
                for name in (
                    'backbone.pos_embed',
                    'backbone.blocks.1.norm1.weight',
                    'backbone.blocks.1.ls1.gamma',
                    'backbone.blocks.1.attn.qkv.bias',
                    'backbone.blocks.1.attn.qkv.weight',
                    'decode_head.conv_seg.weight',
                )
            ]
            assert decays == [0, 0, 0, 0, 0.01, 0.01]
    assert len(optimizer.param_groups) <= 12  # one for each pair of rate and decay


def test_a_network_without_blocks_is_told_so():
    cfg = schedule('adamw_vit_layerwise').optim_wrapper
    with pytest.raises(UserError, match='finds no blocks in the backbone'):
        groups('deeplabv3plus_r50-d16', cfg)


@pytest.mark.parametrize('paramwise', [dict(), dict(decay_rate=0.9, custom_keys=dict())])
def test_other_keys_are_refused(paramwise):
    cfg = dict(schedule('adamw_vit_layerwise').optim_wrapper, paramwise_cfg=paramwise)
    with pytest.raises(UserError, match='paramwise_cfg has decay_rate'):
        groups('dpt_dinov2-s', cfg)
