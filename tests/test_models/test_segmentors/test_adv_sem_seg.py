"""AdvSemSeg: its formula by other means, who learns from what, and both optimizers in one step."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmengine.optim import build_optim_wrapper
from torch import Tensor

from semiseg_mm.engine import JointOptimizer
from semiseg_mm.engine.rewriting import make_sup_only, use_parts
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models import ConvDiscriminator, frozen
from semiseg_mm.models.losses import judged_as
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_config, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/adv_sem_seg.py')
PART = dict(parts=BASE.optimizer_parts.to_dict())


def build(progress: float = 1.0, **kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    model = MODELS.build(dict(BASE.model.to_dict(), segmentor=toy_network(), **kwargs)).eval()
    model.iteration, model.max_iters = progress, 1
    return model


def losses_of(model, batch=None) -> dict[str, Tensor]:
    data = model.data_preprocessor(batch or toy_batch(), True)
    return model(**data, mode='loss')


def parts_of(model):
    """Logits of both views, truth, and the judge."""
    data = model.data_preprocessor(toy_batch(), True)
    x, u = (
        F.interpolate(
            model.networks['student']._forward(data['inputs'][view]), (16, 16), mode='bilinear'
        )
        for view in ('labeled', 'weak')
    )
    truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['labeled']])
    return x, u, truth, model.auxiliaries['discriminator']


def bce(scores: Tensor, target: float, where: Tensor) -> Tensor:
    return F.binary_cross_entropy(scores[where].sigmoid(), torch.full_like(scores[where], target))


def test_losses_are_the_published_formulas():
    """A discriminator that believes about half of the pixels."""
    model = build(discriminator=dict(type='ConvDiscriminator', channels=(4, 4)))
    x, u, truth, judge = parts_of(model)
    middle = judge(u.softmax(1)).sigmoid().median().item()
    model.filter.value = middle
    found = losses_of(model)
    known, inside = truth != 255, torch.zeros(2, 16, 16, dtype=torch.bool)
    inside[:, :15, :15] = True
    p_x, p_u = x.softmax(1), u.softmax(1)
    judged = judge(p_u)
    torch.testing.assert_close(found['loss_labeled_adv'], 0.01 * bce(judge(p_x), 1.0, known))
    torch.testing.assert_close(found['loss_unlabeled_adv'], 0.001 * bce(judged, 1.0, inside))
    passed = (judged.sigmoid() >= middle) & inside
    own = u.argmax(1).masked_fill(~passed, 255)
    torch.testing.assert_close(found['loss_semi'], 0.1 * F.cross_entropy(u, own, ignore_index=255))
    assert 0 < found['kept'] < 1
    one_hot = torch.stack([(truth == c).float() for c in range(3)], 1)
    fake = bce(judge(torch.cat([p_x, p_u])), 0.0, torch.cat([known, inside]))
    real = bce(judge(one_hot), 1.0, known)
    torch.testing.assert_close(found['loss_discriminator'], (fake + real) / 2)


def test_before_its_time_it_does_not_learn_its_own_labels():
    assert 'loss_semi' not in losses_of(build(progress=0.24))
    assert 'loss_semi' in losses_of(build(progress=0.25))


def test_an_iteration_is_no_share_of_the_training():
    with pytest.raises(UserError, match=r'semi_begin=5000 .* is a share'):
        build(semi_begin=5000)


def test_its_filter_observes_once_an_iteration_and_may_be_left_out():
    model, seen = build(), []
    model.filter.observe = lambda target, progress: seen.append(progress)
    losses_of(model)
    assert seen == [1.0]
    assert losses_of(build(filter=None))['kept'] == 1


def test_if_no_pixel_is_believed_neither_of_the_two_terms_counts():
    nothing = losses_of(build(filter=dict(type='Threshold', value=0.99)))
    assert nothing['loss_semi'] == nothing['loss_unlabeled_adv'] == nothing['kept'] == 0
    assert nothing['loss_labeled_adv'] > 0 and nothing['loss_discriminator'] > 0


def test_a_judge_that_knows_nothing_passes_all_pixels():
    """It says 0 everywhere, and sigmoid(0) = 0.5 is above 0.2."""
    model = build()
    for p in model.auxiliaries['discriminator'].parameters():
        p.data.zero_()
    assert losses_of(model)['kept'] == 1


def test_ignored_pixels_never_reach_the_terms_on_labeled_images():
    model, batch = build(), toy_batch()
    before = losses_of(model, batch)
    for sample in batch['data_samples']['labeled']:  # half of the image is unknown
        sample.gt_sem_seg.data[:, :8] = 255
    x, _, truth, judge = parts_of(model)
    truth[:, :8] = 255
    expected = 0.01 * bce(judge(x.softmax(1)), 1.0, truth != 255)
    after = losses_of(model, batch)['loss_labeled_adv']
    torch.testing.assert_close(after, expected)
    assert not torch.equal(after, before['loss_labeled_adv'])


def gradients(module) -> list[Tensor]:
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in module.parameters()]


def test_one_backward_equals_the_two_published_ones():
    """The segmentor's losses with a discriminator that requires no gradient; then its own loss on
    detached predictions."""
    one, two = build(), build()
    one.parse_losses(losses_of(one))[0].backward()
    judge = two.auxiliaries['discriminator']
    found = losses_of(two)
    own = found.pop('loss_discriminator')
    two.parse_losses(found)[0].backward(retain_graph=True)
    assert all(g.abs().sum() == 0 for g in gradients(judge))  # steps 1 and 2 leave it alone
    before = gradients(two.networks['student'])
    own.backward()
    assert all(torch.equal(*pair) for pair in zip(before, gradients(two.networks['student'])))
    for module in ('networks', 'auxiliaries'):
        pairs = zip(gradients(getattr(one, module)), gradients(getattr(two, module)))
        for a, b in pairs:
            torch.testing.assert_close(a, b)
    assert any(g.abs().sum() > 0 for g in gradients(judge))


def test_frozen_passes_the_gradient_on_and_takes_none():
    judge = ConvDiscriminator(3, channels=(4, 4))
    x = torch.rand(1, 3, 16, 16, requires_grad=True)
    frozen(judge)(x).sum().backward()
    assert x.grad.abs().sum() > 0 and all(p.grad is None for p in judge.parameters())
    assert torch.equal(frozen(judge)(x), judge(x))


@pytest.mark.parametrize('size', [(16, 16), (31, 33), (64, 48)])
def test_the_discriminator_judges_every_pixel_of_any_size(size):
    scores = ConvDiscriminator(5)(torch.rand(2, 5, *size))
    assert scores.shape == (2, *size)


def test_the_discriminator_has_the_published_layers():
    layers = [m for m in ConvDiscriminator(21).layers if hasattr(m, 'kernel_size')]
    assert [layer.out_channels for layer in layers] == [64, 128, 256, 512, 1]
    assert {(layer.kernel_size, layer.stride, layer.padding) for layer in layers} == {
        ((4, 4), (2, 2), (1, 1))
    }


def test_a_judgement_by_hand():
    """Scores 0 and ln 3 are believed to 1/2 and 3/4; the third pixel is padding."""
    scores = torch.tensor([[[0.0, 3.0, 9.0]]])
    scores[0, 0, 1] = scores[0, 0, 1].log()
    valid = torch.tensor([[[True, True, False]]])
    real = -(torch.tensor(1 / 2).log() + torch.tensor(3 / 4).log()) / 2
    fake = -(torch.tensor(1 / 2).log() + torch.tensor(1 / 4).log()) / 2
    torch.testing.assert_close(judged_as(True, scores, valid), real)
    torch.testing.assert_close(judged_as(False, scores, valid), fake)
    assert judged_as(True, scores, valid & False) == 0


# ------------------------------------------------------------------ both optimizers


def optimizer_of(model, **wrapper):
    cfg = dict(
        type='OptimWrapper',
        constructor='PartwiseConstructor',
        optimizer=dict(type='SGD', lr=0.1, momentum=0.9),
        paramwise_cfg=PART,
    )
    return build_optim_wrapper(model, ConfigDict(dict(cfg, **wrapper)))


def test_a_step_is_that_of_two_optimizers():
    one, two = build(), build()
    joint = optimizer_of(one)
    assert isinstance(joint.optimizer, JointOptimizer)
    sgd = torch.optim.SGD(two.networks.parameters(), lr=0.1, momentum=0.9)
    adam = torch.optim.Adam(two.auxiliaries.parameters(), lr=1e-4, betas=(0.9, 0.99))
    for _ in range(3):
        joint.update_params(one.parse_losses(losses_of(one))[0])
        for each in (sgd, adam):
            each.zero_grad()
        two.parse_losses(losses_of(two))[0].backward()
        for each in (sgd, adam):
            each.step()
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), two.parameters()))


def test_each_part_has_its_rate_and_the_rest_the_other_options():
    custom = dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))
    joint = optimizer_of(build(), paramwise_cfg=dict(custom, **PART)).optimizer
    rates = [{group['lr'] for group in own.param_groups} for own in joint.optimizers]
    assert rates == [{0.1, 1.0}, {1e-4}]
    assert 'momentum' not in joint.optimizers[1].param_groups[0]


def test_a_scheduler_moves_all_rates():
    from mmengine.optim import PolyLR

    joint = optimizer_of(build())
    schedule = PolyLR(joint, power=1.0, begin=0, end=11, by_epoch=False)
    for _ in range(5):
        schedule.step()
    rates = [own.param_groups[0]['lr'] for own in joint.optimizer.optimizers]
    assert rates == pytest.approx([0.05, 0.5e-4])


def test_unknown_and_missing_parts_are_named():
    wrong = dict(parts=dict(discriminators=dict(type='Adam', lr=1e-4)))
    with pytest.raises(UserError, match="Did you mean 'discriminator'"):
        optimizer_of(build(), paramwise_cfg=wrong)
    with pytest.raises(UserError, match=r'paramwise_cfg\.parts'):
        optimizer_of(build(), paramwise_cfg={})


def test_accumulated_gradients_make_one_step_of_both():
    """Two iterations a step: weights move in the second one, by the mean of the gradients."""
    one, two = build(), build()
    joint = optimizer_of(one, accumulative_counts=2)
    joint.initialize_count_status(one, 0, 4)
    start = [p.detach().clone() for p in one.parameters()]
    joint.update_params(one.parse_losses(losses_of(one))[0])
    assert all(torch.equal(*pair) for pair in zip(start, one.parameters()))
    joint.update_params(one.parse_losses(losses_of(one))[0])
    single = optimizer_of(two)
    single.update_params(two.parse_losses(losses_of(two))[0])
    for a, b in zip(one.parameters(), two.parameters()):
        torch.testing.assert_close(a, b)
    assert all(not torch.equal(p, q) for p, q in zip(start, one.parameters()))


def test_a_gradient_scaler_sees_one_optimizer():
    """Unscaled, both step as without it; with an infinite gradient neither does."""
    one, two = build(), build()
    scaled, plain = optimizer_of(one).optimizer, optimizer_of(two).optimizer
    scaler = torch.amp.GradScaler('cpu', init_scale=1024.0)
    scaler.scale(one.parse_losses(losses_of(one))[0]).backward()
    scaler.step(scaled)
    scaler.update()
    two.parse_losses(losses_of(two))[0].backward()
    plain.step()
    for a, b in zip(one.parameters(), two.parameters()):
        torch.testing.assert_close(a, b)
    before = [p.detach().clone() for p in one.parameters()]
    scaled.zero_grad()
    scaler.scale(one.parse_losses(losses_of(one))[0]).backward()
    next(one.networks.parameters()).grad.fill_(float('inf'))
    scaler.step(scaled)
    scaler.update()
    assert all(torch.equal(*pair) for pair in zip(before, one.parameters()))
    assert scaler.get_scale() == 512


def test_the_learning_rates_are_scaled_to_the_batch_and_resumed(tmp_path):
    """--auto-scale-lr: 4 images where 8 were meant halve both rates, also after resuming."""
    found = {}
    for part, resume in (('whole', False), ('rest', True)):
        cfg = toy_config(tmp_path / part, dict(BASE.model), views=BASE.views, resume=resume)
        use_parts(cfg, BASE.optimizer_parts)
        cfg.auto_scale_lr = dict(enable=True, base_batch_size=8)
        cfg.param_scheduler = []
        if resume:
            (tmp_path / 'rest').mkdir()
            stored = (tmp_path / 'whole/iter_3.pth').read_bytes()
            (tmp_path / 'rest/iter_3.pth').write_bytes(stored)
        runner = build_runner(cfg)
        runner.train()
        own = runner.optim_wrapper.optimizer.optimizers
        assert [type(optimizer).__name__ for optimizer in own] == ['AdamW', 'Adam']
        for optimizer, rate in zip(own, (0.005, 0.5e-4)):
            assert [group['lr'] for group in optimizer.param_groups] == [pytest.approx(rate)]
        found[part] = runner.model.state_dict()
    assert all(torch.equal(value, found['rest'][key]) for key, value in found['whole'].items())


def test_its_yardstick_has_no_discriminator(tmp_path):
    """--sup-only, on a config that gives the discriminator an optimizer."""
    cfg = toy_config(tmp_path, dict(BASE.model), 1, views=BASE.views)
    use_parts(cfg, BASE.optimizer_parts)
    sup_only = make_sup_only(cfg)
    assert 'constructor' not in sup_only.optim_wrapper
    build_runner(sup_only).train()
    state = torch.load(tmp_path / 'iter_1.pth', weights_only=True)['state_dict']
    assert not any(key.startswith('auxiliaries') for key in state)


def test_another_constructor_and_a_discriminator_do_not_go_together(tmp_path):
    cfg = toy_config(tmp_path, dict(BASE.model), 1, views=BASE.views)
    cfg.optim_wrapper.constructor = 'LayerWiseConstructor'
    with pytest.raises(UserError, match=r'discriminator .* LayerWiseConstructor: leave that out'):
        use_parts(cfg, BASE.optimizer_parts)


def test_without_an_optimizer_of_its_own_the_training_does_not_start(tmp_path):
    cfg = toy_config(tmp_path, dict(BASE.model), 1, views=BASE.views)
    with pytest.raises(UserError, match=r"discriminator needs an optimizer .*'PartwiseC"):
        build_runner(cfg).train()


@pytest.mark.parametrize(
    ('wrapper', 'says'),
    [
        (dict(clip_grad=dict(max_norm=1)), 'one norm over all parts'),
        (dict(paramwise_cfg=dict(parts=dict(discriminator=dict(lr=1e-4)))), 'with its type'),
        (dict(paramwise_cfg=dict(parts=dict(student=PART['parts']['discriminator'],
                                            **PART['parts']))), 'leaves nothing to'),
    ],
)  # fmt: skip
def test_what_would_couple_or_empty_the_optimizers_is_refused(wrapper, says):
    with pytest.raises(UserError, match=says):
        optimizer_of(build(), **wrapper)


def test_a_part_with_nothing_to_train_is_refused():
    model = build()
    model.auxiliaries['discriminator'].requires_grad_(False)
    with pytest.raises(UserError, match='nothing of discriminator is trained'):
        optimizer_of(model)


def test_a_checkpoint_of_other_optimizers_is_not_resumed():
    stored = optimizer_of(build()).state_dict()
    other = optimizer_of(
        build(), paramwise_cfg=dict(parts=dict(discriminator=dict(type='SGD', lr=1)))
    )
    with pytest.raises(UserError, match='optimizers SGD, Adam, this run has SGD:'):
        other.load_state_dict(stored)


def test_a_lower_end_of_all_rates_is_refused(tmp_path):
    cfg = toy_config(tmp_path, dict(BASE.model), 1, views=BASE.views)
    use_parts(cfg, BASE.optimizer_parts)
    cfg.param_scheduler[0].eta_min = 1e-3
    with pytest.raises(UserError, match='eta_min, which is one number for discriminator'):
        build_runner(cfg).train()
