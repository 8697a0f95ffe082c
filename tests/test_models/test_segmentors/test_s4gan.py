"""S4GAN: its formula by other means, and who learns from what."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models import ImageDiscriminator
from semiseg_mm.models.segmentors.forward import Output
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/s4gan.py')
SMALL = dict(type='ImageDiscriminator', channels=(4, 6))


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    own = dict(BASE.model.to_dict(), segmentor=toy_network(), discriminator=SMALL, **kwargs)
    return MODELS.build(own).eval()


def losses_of(model, batch=None) -> dict[str, Tensor]:
    return model(**model.data_preprocessor(batch or toy_batch(), True), mode='loss')


def parts_of(model):
    """Logits of u, and what the discriminator sees of u and of ground truth."""
    data = model.data_preprocessor(toy_batch(), True)
    u, x = (data['inputs'][view] for view in ('weak', 'labeled'))
    logits = F.interpolate(model.networks['student']._forward(u), (16, 16), mode='bilinear')
    truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['labeled']])
    one_hot = torch.stack([(truth == c).float() for c in range(3)], 1)
    u, x = ((i - i.min()) / (i.max() - i.min()) for i in (u, x))
    return logits, torch.cat([logits.softmax(1), u], 1), torch.cat([one_hot, x], 1)


def test_losses_are_the_published_formulas():
    """A discriminator that takes one of two images for ground truth."""
    model = build()
    logits, fake, real = parts_of(model)
    judge = model.auxiliaries['discriminator']
    (score, features), (real_score, real_features) = judge(fake), judge(real)
    believed = score.sigmoid()
    model.filter.value = believed.mean().item()
    found = losses_of(model)
    gap = (real_features.mean(0) - features.mean(0)).abs().mean()
    torch.testing.assert_close(found['loss_matching'], 0.1 * gap)
    own = logits.argmax(1)
    own[:, 15:], own[:, :, 15:] = 255, 255
    own[believed < believed.mean()] = 255
    torch.testing.assert_close(found['loss_semi'], F.cross_entropy(logits, own, ignore_index=255))
    assert found['kept'] == 0.5
    known = F.binary_cross_entropy(real_score.sigmoid(), torch.ones(2))
    guess = F.binary_cross_entropy(believed, torch.zeros(2))
    torch.testing.assert_close(found['loss_discriminator'], (known + guess) / 2)


def test_of_no_believed_image_nothing_is_learned():
    found = losses_of(build(filter=dict(type='Threshold', value=0.99)))
    assert found['loss_semi'] == found['kept'] == 0 and found['loss_matching'] > 0


def test_maps_that_are_ground_truth_match_it():
    """The labeled images again, without padding, and a network that is sure of the truth."""
    model, batch = build(), toy_batch(views=('weak',))
    for sample in batch['data_samples']['labeled']:
        sample.gt_sem_seg.data.clamp_(max=2)
        sample.valid.data.fill_(True)
    data = model.data_preprocessor(batch, True)
    images, samples = data['inputs']['labeled'], data['data_samples']['labeled']
    seen = View(images, samples, torch.ones(2, 16, 16, dtype=torch.bool))
    truth = torch.cat([sample.gt_sem_seg.data for sample in samples])
    for noise, least, most in ((0.0, 0.0, 1e-7), (1e4, 1e-4, 1.0)):
        logits = 1e4 * F.one_hot(truth, 3).permute(0, 3, 1, 2) + noise * torch.randn(2, 3, 16, 16)
        found = model.unsupervised_loss(
            dict(labeled=seen, weak=seen), dict(student=dict(weak=Output(logits)))
        )
        assert least <= found['loss_matching'] <= most


@pytest.mark.parametrize('size', [(16, 16), (31, 33), (64, 48)])
def test_an_image_of_any_size_has_one_score(size):
    scores, features = ImageDiscriminator(5, channels=(2, 2, 2, 3))(torch.rand(2, 5, *size))
    assert scores.shape == (2,) and features.shape == (2, 3)


def test_the_discriminator_has_the_published_layers():
    layers = ImageDiscriminator(24).layers
    convs = [m for m in layers if isinstance(m, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convs] == [64, 128, 256, 512]
    assert [type(m).__name__[:7] for m in layers[-3:]] == ['Dropout', 'Conv2d', 'LeakyRe']


def test_crops_without_a_pixel_left_are_refused():
    with pytest.raises(UserError, match='crop has 8 x 20 pixels'):
        ImageDiscriminator(5)(torch.rand(1, 5, 8, 20))
