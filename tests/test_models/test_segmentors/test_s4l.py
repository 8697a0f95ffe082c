"""S4L: its formula by other means, and that labels turn with their images."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm

from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.s4l import turned
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/s4l.py')


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    cfg = dict(BASE.model.to_dict(), segmentor=toy_network(), **kwargs)
    return revert_sync_batchnorm(MODELS.build(cfg)).eval()


def losses_of(model, batch=None) -> dict:
    torch.manual_seed(5)
    return model(**model.data_preprocessor(batch or toy_batch(views=['weak']), True), mode='loss')


def test_losses_are_the_published_formulas():
    """An image for each turn by hand; all in one forward, in the order of the official code."""
    model = build()
    found = losses_of(model)
    torch.manual_seed(5)
    turns = [*torch.randint(1, 4, (2,)).tolist(), *torch.randint(1, 4, (2,)).tolist()]
    data = model.data_preprocessor(toy_batch(views=['weak']), True)
    images = torch.cat([data['inputs']['labeled'], data['inputs']['weak']])
    truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['labeled']])
    pairs = zip([*images, *truth], [*turns, *turns[:2]], strict=True)
    copies = [torch.rot90(x, 4 - k, (x.dim() - 2, x.dim() - 1)) for x, k in pairs]
    logits = model.networks['student'](torch.cat([images, torch.stack(copies[:4])]))
    logits = F.interpolate(logits, (16, 16), mode='bilinear')
    own = F.cross_entropy(logits[4:6], torch.stack(copies[4:]), ignore_index=255)
    torch.testing.assert_close(found['loss_rotated'], 0.1 * own)
    told = model.auxiliaries['rotation'](logits)
    label = torch.tensor([0, 0, 0, 0, *turns])
    torch.testing.assert_close(found['loss_rotation'], 0.1 * F.cross_entropy(told, label))
    assert found['turns_told'] == (told.argmax(1) == label).float().mean()


def test_one_turn_is_clockwise_and_four_are_none():
    image = torch.arange(4).view(1, 2, 2)
    assert turned(image, [1]).tolist() == [[[2, 0], [3, 1]]]
    assert turned(turned(image, [1]), [3]).tolist() == image.tolist()
    x = torch.randn(3, 2, 5, 5)
    same = turned(x, [1, 2, 3])
    for _ in range(3):
        same = turned(same, [1, 2, 3])
    assert torch.equal(same, x)


def test_an_image_of_padding_alone_has_no_turn():
    model, batch = build(), toy_batch(views=['weak'])
    batch['inputs']['weak'][1][:] = 0
    batch['data_samples']['weak'][1].valid.data[:] = False
    found = losses_of(model, batch)
    logits = []
    hook = model.auxiliaries['rotation'].register_forward_hook(lambda *x: logits.append(x[2]))
    torch.testing.assert_close(losses_of(model, batch)['loss_rotation'], found['loss_rotation'])
    hook.remove()
    seen = [0, 1, 2, 4, 5, 6]
    label = torch.tensor([0] * 4 + model.turns['rotated_labeled'] + model.turns['rotated_weak'])
    expected = F.cross_entropy(logits[0][seen], label[seen])
    torch.testing.assert_close(found['loss_rotation'], 0.1 * expected)


def test_the_head_and_the_network_learn_from_the_turns():
    model = build(rotated_weight=0.0)
    losses_of(model)['loss_rotation'].backward()
    learned = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert {'auxiliaries', 'networks'} == {name.split('.')[0] for name in learned}
    assert any('backbone' in name for name in learned) and any('conv_seg' in x for x in learned)


def test_crops_that_are_not_square_are_refused():
    with pytest.raises(UserError, match=r'are 16 x 24: set a square .* such as \(16, 16\)'):
        turned(torch.zeros(1, 3, 16, 24), [1])
