import pytest
import torch
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network


def build(segmentor=None, **kwargs) -> SemiSegmentor:
    torch.manual_seed(0)
    return MODELS.build(
        dict(dict(type='CPSSegmentor', segmentor=segmentor or toy_network()), **kwargs)
    )


def test_teaching_under_autocast_leaves_later_gradients_alone():
    """Without the cache switched off, every convolution here would stay without a gradient."""
    model, images = build().train(), torch.randn(2, 3, 16, 16)
    with torch.autocast('cpu', torch.bfloat16):
        model.teach('net_0', images, train_mode=True)
        model.networks['net_0']._forward(images).float().square().mean().backward()
    convolutions = [m for m in model.networks['net_0'].modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) >= 3
    assert all(conv.weight.grad is not None for conv in convolutions)


@pytest.mark.parametrize('train_mode', [False, True])
def test_teach_uses_the_mode_asked_for_and_restores_each_modules_own(train_mode):
    model = build().train()
    network = model.networks['net_0']
    frozen = network.backbone[1]
    frozen.eval()  # a user's choice that must survive
    statistics = network.backbone[5].running_mean.clone()
    logits = model.teach('net_0', torch.randn(2, 3, 16, 16), train_mode).logits
    assert not logits.requires_grad and logits.shape == (2, 3, 16, 16)
    assert network.training and not frozen.training
    assert torch.equal(statistics, network.backbone[5].running_mean) != train_mode


def test_supervised_loss_is_mmsegs_own():
    """Taken apart at the logits, but the same number as the network's loss()."""
    cfg = toy_network()
    cfg['backbone']['type'] = 'ToyBackbone'
    cfg['auxiliary_head'] = dict(cfg['decode_head'], num_convs=1)
    model = MODELS.build(dict(type='SupOnly', segmentor=cfg)).eval()  # eval: no dropout
    data = model.data_preprocessor(toy_batch(), True)
    network = model.networks['student']
    expected = network.loss(data['inputs']['labeled'], data['data_samples']['labeled'])
    losses = model(**data, mode='loss')
    assert {key.removeprefix('sup.') for key in losses} == set(expected)
    for key, value in expected.items():
        assert losses[f'sup.{key}'].item() == pytest.approx(value.item(), rel=1e-6), key


@pytest.mark.parametrize('joint', [False, True])
def test_joint_forward_decides_what_batchnorm_sees(joint):
    """One forward of 2 + 2 images, or two of 2 images."""
    model, sizes = build(joint_forward=joint).train(), []
    norm = model.networks['net_0'].backbone[1]
    norm.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    assert sizes == ([4] if joint else [2, 2])


def test_one_number_of_classes_for_all_heads():
    cfg = toy_network()
    cfg['auxiliary_head'] = [dict(cfg['decode_head'], num_convs=1)]
    model = build(cfg, num_classes=11)
    for network in model.networks.values():
        assert network.decode_head.conv_seg.out_channels == 11
        assert network.auxiliary_head[0].conv_seg.out_channels == 11
    assert cfg['decode_head']['num_classes'] == 3  # the caller's config is left alone


@pytest.mark.parametrize('avg_non_ignore', [True, False])
def test_class_weights_average_over_labeled_pixels(avg_non_ignore):
    """mmseg 1.4 fails at the first, 1.2 at both. All labels may be ignored."""
    cfg, weights = toy_network(), [0.5, 1.0, 3.0]
    cfg['decode_head']['loss_decode'] = dict(
        type='CrossEntropyLoss', avg_non_ignore=avg_non_ignore, class_weight=weights
    )
    model = MODELS.build(dict(type='SupOnly', segmentor=cfg)).eval()
    data = model.data_preprocessor(toy_batch(), True)
    samples = data['data_samples']['labeled']
    samples[0].gt_sem_seg.data[:, :4] = 255
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])
    logits = model.networks['student'].encode_decode(
        data['inputs']['labeled'], [sample.metainfo for sample in samples]
    )
    expected = nn.functional.cross_entropy(
        logits, labels, torch.tensor(weights), ignore_index=255, reduction='mean'
    )
    torch.testing.assert_close(model(**data, mode='loss')['sup.decode.loss_ce'], expected)
    for sample in samples:
        sample.gt_sem_seg.data[:] = 255
    assert model(**data, mode='loss')['sup.decode.loss_ce'] == 0


def test_class_weights_of_another_number_of_classes_are_refused():
    cfg = toy_network()
    cfg['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss', class_weight=[0.5, 1.0, 3.0])
    with pytest.raises(UserError, match='3 numbers, the data has 4 classes'):
        build(cfg, num_classes=4)


def test_test_mode_can_come_from_the_dataset():
    slide = dict(mode='slide', crop_size=(8, 8), stride=(4, 4))
    model = build(test_cfg=slide)
    assert all(network.test_cfg == slide for network in model.networks.values())


def test_predict_on_must_exist():
    with pytest.raises(UserError, match="'net_0', 'net_1'"):
        build(predict_on='student')


def test_networks_start_different():
    model = build()
    model.init_weights()
    a, b = (net.decode_head.conv_seg.weight for net in model.networks.values())
    assert not torch.equal(a, b)


def test_heads_with_a_loss_of_their_own_are_used_whole():
    """A head that overrides loss() is not taken apart; logits come from a second forward."""
    from mmseg.models.decode_heads import FCNHead

    class OwnLoss(FCNHead):
        def loss(self, inputs, batch_data_samples, train_cfg):
            return dict(loss_own=self.forward(inputs).square().mean())

    MODELS.register_module(name='OwnLossHead', module=OwnLoss, force=True)
    cfg = toy_network()
    cfg['decode_head']['type'] = 'OwnLossHead'
    model = build(cfg).train()
    losses = model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    assert 'net_0.decode.loss_own' in losses and 'loss_cps' in losses
    model.parse_losses(losses)[0].backward()


def test_a_network_with_a_loss_of_its_own_keeps_it():
    from mmseg.models import EncoderDecoder

    class WithExtraLoss(EncoderDecoder):
        def loss(self, inputs, data_samples):
            return dict(super().loss(inputs, data_samples), loss_extra=inputs.mean())

    MODELS.register_module(name='WithExtraLoss', module=WithExtraLoss, force=True)
    model = build(dict(toy_network(), type='WithExtraLoss')).train()
    losses = model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    assert 'net_0.loss_extra' in losses and 'loss_cps' in losses


def test_heads_with_several_outputs_are_compared_by_their_main_one():
    """EncNet's head gives logits and a vote on the classes present."""
    cfg = toy_network()
    cfg['decode_head'] = dict(
        type='EncHead',
        in_channels=[6],
        in_index=[0],
        channels=6,
        num_codes=4,
        num_classes=3,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_se_decode=dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=0.2),
    )
    model = build(cfg).train()
    losses = model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    assert 'net_0.decode.loss_se' in losses and losses['loss_cps'] > 0


def test_one_channel_heads_are_refused_as_they_would_compare_nothing():
    cfg = toy_network(num_classes=2)
    cfg['decode_head'].update(out_channels=1, threshold=0.5)
    cfg['decode_head']['loss_decode'].update(use_sigmoid=True)
    with pytest.raises(UserError, match='out_channels=1'):
        build(cfg)


def test_networks_with_different_preprocessing_are_refused():
    other = toy_network()
    other['data_preprocessor'].update(mean=[0.0] * 3)
    with pytest.raises(UserError, match='different data_preprocessors'):
        build([toy_network(), other])


def test_a_preprocessor_beside_the_networks_own_is_refused():
    cfg = toy_network()
    own = dict(cfg['data_preprocessor'])
    assert build(cfg, data_preprocessor=own).networks
    with pytest.raises(UserError, match='change the segmentor'):
        build(cfg, data_preprocessor=dict(own, mean=[1.0] * 3))


def test_a_missing_view_is_named_with_the_key_that_makes_it():
    model = MODELS.build(
        dict(type='MeanTeacher', segmentor=toy_network(), student_view='stronger')
    ).train()
    with pytest.raises(UserError, match=r"'stronger', but a batch has .*dataset\.views"):
        model(**model.data_preprocessor(toy_batch(), True), mode='loss')


# ------------------------------------------------------------------ checkpoints of other methods


def method(name: str, seed: int) -> SemiSegmentor:
    torch.manual_seed(seed)
    return MODELS.build(dict(type=name, segmentor=toy_network()))


@pytest.mark.parametrize('target', ['CPSSegmentor', 'MeanTeacher', 'WeakToStrongSegmentor'])
def test_one_network_loads_into_each_network_of_any_method(target):
    source, model = method('SupOnly', 0), method(target, 1)
    model.load_state_dict(source.state_dict())
    expected = source.networks['student'].state_dict()
    for network in model.networks.values():
        assert all(torch.equal(x, expected[name]) for name, x in network.state_dict().items())


def test_several_networks_load_where_the_names_agree():
    source, model = method('MeanTeacher', 0), method('SupOnly', 1)
    model.load_state_dict(source.state_dict(), strict=False)
    name = 'decode_head.conv_seg.weight'
    assert torch.equal(*(m.networks['student'].state_dict()[name] for m in (source, model)))


def test_of_several_networks_one_must_be_chosen():
    with pytest.raises(UserError, match=r'student, teacher, but this method has net_0, net_1'):
        method('CPSSegmentor', 1).load_state_dict(method('MeanTeacher', 0).state_dict())
