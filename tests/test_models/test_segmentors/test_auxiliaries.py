"""Modules beside the networks: initialised, trained, stored, followed, frozen; never published."""

import json
from unittest.mock import patch

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from semiseg_mm.engine import MeanTeacherHook
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models import ClassBank, MeanTeacher
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config, toy_network
from semiseg_mm.utils import average_buffers

CONSTANT = dict(type='Constant', val=0.5, bias=0.25, layer='Conv2d')


@MODELS.register_module(force=True)
class ToyProjector(BaseModule):
    def __init__(self, in_channels: int, init_cfg=None):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(in_channels, 4, 1)


@MODELS.register_module(force=True)
class WithAuxiliaries(MeanTeacher):
    """A projector that the teacher has as well, a guide of another architecture, and a bank."""

    decided = MeanTeacher.decided - {'perturbation'}

    def __init__(self, segmentor, guide=None, **kwargs):
        super().__init__(segmentor, **kwargs)
        projector = dict(type='ToyProjector', init_cfg=CONSTANT)
        self.add_auxiliary('projector', projector, in_channels=self.embedding_channels)
        self.add_auxiliary('taught_projector', projector, 'projector', in_channels=6)
        self.add_auxiliary('guide', guide or toy_network(5, 3), trained=False)
        self.bank = ClassBank(2, 4, 10)

    def unsupervised_loss(self, views, outputs):
        losses = super().unsupervised_loss(views, outputs)
        projected = self.auxiliaries['projector'].conv(outputs['student']['weak'].embedding)
        self.bank.push([projected[0, :, 0].T, projected[1, :, 0, :1].T])
        return dict(losses, loss_projected=projected.square().mean())


def build(**kwargs) -> WithAuxiliaries:
    torch.manual_seed(0)
    model = MODELS.build(dict(type='WithAuxiliaries', segmentor=toy_network(), **kwargs))
    model.init_weights()
    return model.train()


def state(module) -> dict:
    return {key: value.clone() for key, value in module.state_dict().items()}


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())


def test_they_are_initialised_by_their_own_config():
    model = build()
    for name in ('projector', 'taught_projector'):
        conv = model.auxiliaries[name].conv
        assert (conv.weight == 0.5).all() and (conv.bias == 0.25).all()


def test_the_perturbation_is_initialised_too():
    @MODELS.register_module(force=True)
    class LearnedNoise(BaseModule):
        def __init__(self, init_cfg=None):
            super().__init__(init_cfg)
            self.conv = nn.Conv2d(6, 6, 1)

    model = build(perturbation=dict(type='LearnedNoise', init_cfg=CONSTANT))
    assert (model.perturbation.conv.weight == 0.5).all()


def test_roles_decide_who_learns_and_in_which_mode():
    model = build()
    assert all(p.requires_grad for p in model.auxiliaries['projector'].parameters())
    for name in ('taught_projector', 'guide'):
        assert not any(p.requires_grad for p in model.auxiliaries[name].parameters())
        assert not any(m.training for m in model.auxiliaries[name].modules())
    assert model.auxiliaries['projector'].training


def test_a_follower_moves_with_the_teacher_and_a_guide_never():
    model = build()
    guide = state(model.auxiliaries['guide'])
    for module in (model.networks['student'], model.auxiliaries['projector']):
        for p in module.parameters():
            p.data.add_(1)
    before = state(model.auxiliaries['taught_projector'])
    MeanTeacherHook(decay=0.75, warmup=False).update(model)
    for key, value in model.auxiliaries['taught_projector'].state_dict().items():
        torch.testing.assert_close(value, before[key] + 0.25)
    assert same(state(model.auxiliaries['guide']), guide)
    model.sync_teachers()
    leader = state(model.auxiliaries['projector'])
    assert same(state(model.auxiliaries['taught_projector']), leader)


def test_a_guide_may_have_weights_of_its_own(tmp_path):
    guide = toy_network(5, 3)
    stored = {k: v + 1 for k, v in MODELS.build(guide).state_dict().items()}
    torch.save(dict(state_dict=stored), tmp_path / 'guide.pth')
    guide['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'guide.pth'))
    assert same(state(build(guide=guide).auxiliaries['guide']), stored)


def test_a_plain_checkpoint_loads_and_leaves_them_alone():
    model = build()
    beside = {k: v for k, v in state(model).items() if not k.startswith('networks.')}
    plain = {k: v + 1 for k, v in state(model.networks['student']).items()}
    model.load_state_dict(dict(plain))  # strict
    assert same({k: v for k, v in state(model).items() if not k.startswith('networks.')}, beside)
    assert all(same(state(network), plain) for network in model.networks.values())


def test_what_stood_beside_the_network_of_another_method_goes_nowhere():
    source = {f'networks.net.{k}': v for k, v in state(build().networks['student']).items()}
    foreign = dict(source, **{'auxiliaries.judge.weight': torch.ones(1), 'bank': torch.ones(1)})
    model = build()
    model.load_state_dict(foreign)  # strict: no key is left over
    assert not any('judge' in key for key in model.state_dict())


def test_two_modules_of_one_name_are_refused():
    with pytest.raises(UserError, match="two modules 'student'"):
        build().add_auxiliary('student', nn.Identity())


def test_a_run_trains_stores_and_resumes_them_and_validates_networks_alone(tmp_path):
    def config(folder, **extra):
        hooks = [dict(type='MeanTeacherHook', decay=0.9)]
        return toy_config(folder, dict(type='WithAuxiliaries'), custom_hooks=hooks, **extra)

    build_runner(config(tmp_path / 'whole')).train()
    whole = torch.load(tmp_path / 'whole/iter_6.pth', weights_only=True)['state_dict']
    early = torch.load(tmp_path / 'whole/iter_3.pth', weights_only=True)['state_dict']
    assert whole['bank.class_0'].shape == (10, 4) and whole['bank.class_1'].shape == (6, 4)
    assert early['bank.class_1'].shape == (3, 4)
    moved = {
        key.split('.')[1]
        for key in whole
        if key.startswith('auxiliaries.') and not torch.equal(whole[key], early[key])
    }
    assert moved == {'projector', 'taught_projector'}
    results = json.loads((tmp_path / 'whole/results.json').read_text())
    assert set(results['networks']) == {'student', 'teacher'}
    (tmp_path / 'rest').mkdir()
    (tmp_path / 'rest/iter_3.pth').write_bytes((tmp_path / 'whole/iter_3.pth').read_bytes())
    build_runner(config(tmp_path / 'rest', resume=True)).train()
    assert same(
        torch.load(tmp_path / 'rest/iter_6.pth', weights_only=True)['state_dict'], dict(whole)
    )


def test_evaluated_networks_are_a_list_of_their_own(tmp_path):
    cfg = toy_config(
        tmp_path, dict(type='CPSSegmentor', evaluated=['net_1'], predict_on='net_1'), 3
    )
    build_runner(cfg).train()
    results = json.loads((tmp_path / 'results.json').read_text())
    assert list(results['networks']) == ['net_1']
    with pytest.raises(UserError, match="evaluated='net_2' is none of 'net_0', 'net_1'"):
        MODELS.build(dict(type='CPSSegmentor', segmentor=toy_network(), evaluated=['net_2']))


def test_processes_share_the_statistics_of_norms_and_nothing_else():
    """A bank that is averaged over processes is garbage."""
    model = build()
    model.register_buffer('threshold', torch.ones(()))
    model.bank.push([torch.ones(2, 4), torch.ones(1, 4)])
    before = state(model)
    target = 'semiseg_mm.utils.buffers'
    with (
        patch(f'{target}.get_world_size', lambda: 2),
        patch(f'{target}.all_reduce', lambda x, op: x.add_(1)),
    ):
        average_buffers(model)
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    moving = {k for k in before if k.endswith(('running_mean', 'running_var'))}
    guide = {k for k in moving if k.startswith('auxiliaries.guide.')}  # equal everywhere anyway
    assert guide and changed == moving - guide


def test_the_teacher_is_the_student_until_it_begins(tmp_path):
    """The first half of 6 iterations: weights and statistics equal, no update is counted."""
    hooks = [dict(type='MeanTeacherHook', decay=0.9, begin=0.5)]
    build_runner(toy_config(tmp_path, dict(type='MeanTeacher'), custom_hooks=hooks)).train()
    for step, updates in ((3, 0), (6, 3)):
        found = torch.load(tmp_path / f'iter_{step}.pth', weights_only=True)['state_dict']
        student, teacher = (
            {k.split('.', 2)[2]: v for k, v in found.items() if k.startswith(f'networks.{name}.')}
            for name in ('student', 'teacher')
        )
        assert same(student, teacher) == (step == 3)
        assert found['teacher_steps'] == updates


# ------------------------------------------------------------------ guides and wrong uses


def test_a_guide_is_asked_like_a_network():
    model = build()
    images = torch.randn(2, 3, 16, 16)
    told = model.teach('guide', images)
    assert told.logits.shape == (2, 5, 16, 16) and not told.logits.requires_grad
    assert torch.equal(told.coarse, model.auxiliaries['guide'](images))


def stored(model, path) -> dict:
    torch.save(dict(state_dict=model.state_dict()), path)
    return dict(type='Pretrained', checkpoint=str(path))


def test_a_guide_takes_a_checkpoint_of_this_package_with_one_network(tmp_path):
    source = MODELS.build(dict(type='SupOnly', segmentor=toy_network(5, 3)))
    guide = dict(toy_network(5, 3), init_cfg=stored(source, tmp_path / 'ours.pth'))
    own = state(source.networks['student'])
    assert same(state(build(guide=guide).auxiliaries['guide']), own)


@pytest.mark.parametrize(
    ('method', 'says'), [('CPSSegmentor', 'net_0, net_1'), ('other', 'no weight of a')]
)
def test_a_guide_refuses_what_does_not_fit(method, says, tmp_path):
    source = nn.Sequential(nn.Conv2d(3, 3, 1))
    if method != 'other':
        source = MODELS.build(dict(type=method, segmentor=toy_network(5, 3)))
    guide = dict(toy_network(5, 3), init_cfg=stored(source, tmp_path / 'theirs.pth'))
    with pytest.raises(UserError, match=says):
        build(guide=guide)


def test_an_unknown_leader_is_named():
    with pytest.raises(UserError, match=r"follows='projectr'.* Did you mean 'projector'"):
        build().add_auxiliary('third', nn.Identity(), follows='projectr')


def test_what_does_not_learn_has_no_optimizer():
    with pytest.raises(UserError, match="'third' is not trained"):
        build().add_auxiliary('third', nn.Identity(), trained=False, own_optimizer=True)


def test_an_auxiliary_stands_in_one_place():
    """Assigned as well, it would be registered twice, and its weights optimized twice."""
    assert build().add_auxiliary('third', nn.Identity()) is None


def test_a_teacher_that_begins_at_another_time_than_the_method_is_refused(tmp_path):
    model = dict(type='WithAuxiliaries', segmentor=toy_network())
    hooks = [dict(type='MeanTeacherHook', begin=0.25)]
    runner = build_runner(toy_config(tmp_path, dict(type='WithAuxiliaries'), custom_hooks=hooks))
    runner.model.teachers_begin = 0.5
    with pytest.raises(UserError, match=r'begins at 0.25: set custom_hooks.N.begin=0.5'):
        runner.train()
    assert MODELS.build(model).teachers_begin is None


@pytest.mark.parametrize('kind', ['S4GAN', 'GCT', 'ECS', 'SoulyGAN'])
def test_modules_that_see_or_draw_images_have_their_channels(kind):
    """Grey images."""
    network = toy_network()
    network['data_preprocessor'].update(mean=[127.5], std=[127.5])
    network['backbone'] = dict(type='UNet', in_channels=1, base_channels=4, num_stages=2)
    network['backbone'].update(strides=(1, 1), enc_num_convs=(1, 1), dec_num_convs=(1,))
    network['backbone'].update(downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,))
    network['decode_head'].update(in_channels=4)
    model = MODELS.build(dict(type=f'{kind}Segmentor', segmentor=network)).eval()
    assert model.image_channels == 1
    (module,) = model.auxiliaries.values()
    if kind == 'SoulyGAN':
        assert module(torch.rand(2, 100)).shape == (2, 1, 64, 64)
    else:
        module(torch.rand(2, 3 + 1, 16, 16))
