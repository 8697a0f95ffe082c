"""The GAN of Souly et al.: its formula by other means, and who learns from what."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models import ImageGenerator
from semiseg_mm.models.segmentors.souly_gan import like
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/souly_gan.py')
SMALL = dict(type='ImageGenerator', noise=5, channels=4, size=8, norm_cfg=dict(type='BN'))


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    own = dict(BASE.model.to_dict(), segmentor=toy_network(), generator=SMALL, **kwargs)
    return MODELS.build(own).eval()


def losses_of(model) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return model(**model.data_preprocessor(toy_batch(), True), mode='loss')


def test_losses_are_those_of_one_class_more():
    """With the softmax over all classes and the fake one, whose logit is 0."""
    model = build(weight=0.5)
    found = losses_of(model)
    images = model.data_preprocessor(toy_batch(), True)['inputs']['weak']
    network = model.networks['student']
    torch.manual_seed(1)
    drawn = like(model.auxiliaries['generator'](torch.randn(2, 5)), images)
    real = F.interpolate(network._forward(images), (16, 16), mode='bilinear')[:, :, :15, :15]
    fake = [F.pad(x, (0, 0, 0, 0, 0, 1)).softmax(1)[:, 3] for x in (real, network._forward(drawn))]
    torch.testing.assert_close(found['loss_real'], -0.5 * (1 - fake[0]).log().mean())
    torch.testing.assert_close(found['loss_fake'], -0.5 * fake[1].log().mean())
    torch.testing.assert_close(found['loss_generator'], -(1 - fake[1]).log().mean())
    torch.testing.assert_close(found['fake'], fake[1].mean())


def test_where_no_pixel_looks_fake_there_is_nothing_to_learn_from_real_images():
    """The fake class is no output of the network, so its logits alone decide."""
    model, found = build(), []
    last = model.networks['student'].decode_head.conv_seg
    for bias in (0, 9, 99):
        last.bias.data.fill_(bias)
        found.append(losses_of(model)['loss_real'].item())
    assert found[0] > 0.1 > 1e-3 > found[1] > 0 == pytest.approx(found[2], abs=1e-30)
    assert last.out_channels == model.num_classes == 3


def test_generated_images_do_not_move_the_statistics_of_real_ones():
    model, plain = build().train(), build().train()
    plain.auxiliaries['generator'].layers[-2].bias.data += 3  # it draws others
    for each in (model, plain):
        losses_of(each)
    pairs = zip(model.networks.buffers(), plain.networks.buffers())
    assert all(torch.equal(a, b) for a, b in pairs)
    assert plain.networks['student'].backbone[1].num_batches_tracked == 2  # labeled, weak


def test_drawn_images_have_size_and_range_of_real_ones():
    real = torch.rand(2, 3, 12, 16) * torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1)
    drawn = torch.tensor([-1.0, 1]).view(1, 1, 1, 2).expand(2, 3, 8, 2)
    found = like(drawn, real)
    assert found.shape == real.shape
    for extreme in ('amin', 'amax'):
        low = getattr(real, extreme)((0, 2, 3))
        torch.testing.assert_close(getattr(found, extreme)((0, 2, 3)), low)


def test_the_generator_has_the_stated_sizes():
    generator = ImageGenerator(size=64, norm_cfg=dict(type='BN'))
    found = [
        m.out_channels for m in generator.layers.modules() if isinstance(m, nn.ConvTranspose2d)
    ]
    assert found == [512, 256, 128, 64, 3]
    small = ImageGenerator(noise=7, channels=2, size=32, norm_cfg=dict(type='BN'))
    drawn = small(torch.randn(2, 7))
    assert drawn.shape == (2, 3, 32, 32) and drawn.abs().max() <= 1


@pytest.mark.parametrize('size', [4, 48])
def test_sizes_that_doubling_does_not_reach_are_refused(size):
    with pytest.raises(UserError, match=f'images of {size}: set generator.size'):
        ImageGenerator(size=size)
