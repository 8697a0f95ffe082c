"""PseudoSeg: Grad-CAM by gradients, attention pixel by pixel, the fusion, and who learns what."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models import AttentionCam
from semiseg_mm.models.losses import classes_in
from semiseg_mm.models.segmentors.network import coarsest
from semiseg_mm.models.segmentors.pseudo_seg import fused
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network
from semiseg_mm.testing.networks import tiny_network

CLASSES = 4
CONFIGS = Path(__file__).parents[3] / 'configs/_base_'
BASE = Config.fromfile(CONFIGS / 'methods/pseudo_seg.py').model
NORM = dict(type='BN')


def make_cam(**kwargs) -> tuple[AttentionCam, list, torch.Tensor, torch.Tensor]:
    """Return the module, two levels of features, the classes looked for, and what is no padding."""
    torch.manual_seed(0)
    cam = AttentionCam((3, 5), CLASSES, channels=2, norm_cfg=NORM, **kwargs)
    cam.classifier.weight.data[:2].abs_()  # so that each image has a map that is not 0
    levels = [torch.rand(2, 3, 6, 6), torch.rand(2, 5, 3, 3)]
    present = torch.tensor([[1.0, 0, 1], [0, 1, 1]])
    valid = torch.ones(2, 12, 12, dtype=torch.bool)
    valid[0, :, 8:] = False
    return cam, levels, present, valid


def test_the_map_is_a_grad_cam():
    """Weights are spatial means of gradients; a class that is not looked for has no map."""
    cam, levels, present, _ = make_cam()
    level = levels[1].requires_grad_()
    found, logits = cam.cam(level, present), cam.classify(levels)
    for b in range(2):
        for k in range(3):
            (gradient,) = torch.autograd.grad(logits[b, k], level, retain_graph=True)
            own = (gradient[b].mean((1, 2))[:, None, None] * level[b]).sum(0).relu()
            peak = own.max()
            expected = present[b, k] * (own / peak if peak > 0 else own)
            torch.testing.assert_close(found[b, k], expected)


def test_attention_in_a_straight_line():
    """Each pixel adds the mean of the maps, weighed by likeness; padding is like nothing."""
    cam, levels, present, valid = make_cam()
    found = cam.eval()(levels, present, valid)
    maps = cam.cam(levels[1], present)
    small = F.interpolate(levels[0], (3, 3), mode='bilinear', align_corners=True)
    both = torch.cat([small, levels[1]], 1)
    for b in range(2):
        pixels = [(y, x) for y in range(3) for x in range(3)]
        for y, x in pixels:
            query = cam.query.weight[:, :, 0, 0] @ both[b, :, y, x]
            inside = [valid[b, 4 * i, 4 * j] and valid[b, 4 * y, 4 * x] for i, j in pixels]
            keys = [cam.key.weight[:, :, 0, 0] @ both[b, :, i, j] for i, j in pixels]
            near = torch.stack([query @ key / math.sqrt(2) for key in keys])
            near = torch.where(torch.tensor(inside), near, near * 0 - 1e9).softmax(0)
            spread = sum(w * maps[b, :, i, j] for w, (i, j) in zip(near, pixels, strict=True))
            score = maps[b, :, y, x] + spread
            score = torch.cat([2 - score.max()[None], score])
            expected = cam.last.weight[:, :, 0, 0] @ score / math.sqrt(1 + cam.norm.eps)
            torch.testing.assert_close(found[b, :, y, x], expected)


def test_only_queries_keys_and_the_last_layer_learn_from_the_map():
    cam, levels, present, valid = make_cam()
    levels = [level.requires_grad_() for level in levels]
    cam(levels, present, valid).square().sum().backward()
    assert all(level.grad is None for level in levels)
    assert cam.classifier.weight.grad is None
    for layer in (cam.query, cam.key, cam.last):
        assert layer.weight.grad.abs().sum() > 0


def test_without_background_all_classes_are_looked_for():
    cam, levels, _, valid = make_cam(background=False)
    assert cam.classify(levels).shape == (2, CLASSES)
    assert cam(levels, torch.ones(2, CLASSES), valid).shape == (2, CLASSES, 3, 3)


def test_the_fusion_of_two_opinions():
    """At temperature 1 it is their mean, with logits of mean square 1; else it is sharpened."""
    torch.manual_seed(0)
    one, other = 5 * torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    scale = 1 / torch.stack([one, other]).square().mean().sqrt()
    mean = ((one * scale).softmax(1) + (other * scale).softmax(1)) / 2
    torch.testing.assert_close(fused(one, other, 1.0).exp(), mean)
    sharp = mean**2 / (mean**2).sum(1, keepdim=True)
    torch.testing.assert_close(fused(one, other, 0.5).exp(), sharp)


def test_the_classes_of_an_image_are_those_of_its_known_pixels():
    label = torch.tensor([[[0, 2]], [[1, 1]], [[0, 0]]])
    truth = PseudoLabel(
        label, None, torch.tensor([[[True, True]], [[True, False]], [[False, False]]])
    )
    assert classes_in(truth, 3).tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_the_coarsest_levels():
    """Of a ResNet with stride 16 the last two blocks, of a UNet its first levels."""
    resnet = [torch.zeros(1, 1, n, n) for n in (8, 4, 2, 2)]
    assert [x is y for x, y in zip(coarsest(resnet, 2), resnet[2:], strict=True)] == [True, True]
    unet = [torch.zeros(1, 1, n, n) for n in (2, 4, 8)]
    assert [len(x[0, 0]) for x in coarsest(unet, 2)] == [4, 2]
    assert len(coarsest(unet[:1], 2)) == 1


# ------------------------------------------------------------------ the method


def build(**kwargs):
    torch.manual_seed(0)
    cfg = BASE.to_dict()
    cfg['cam']['norm_cfg'] = NORM
    model = MODELS.build(dict(cfg, segmentor=toy_network(CLASSES), **kwargs))
    model.init_weights()
    return model.train()


def losses_of(model, batch: dict | None = None) -> dict:
    torch.manual_seed(1)
    batch = batch or toy_batch(num_classes=CLASSES)
    return model(**model.data_preprocessor(batch, True), mode='loss')


def test_the_strong_view_learns_the_fused_label_but_not_where_it_is_cut_out():
    model, seen = build(), []
    forward = model.unsupervised.forward
    model.unsupervised.forward = lambda *args: seen.append(args) or forward(*args)
    loss = losses_of(model)['loss_strong']
    ((logits, target),) = seen
    chances = target.label.sum(1)[target.valid]
    torch.testing.assert_close(chances, torch.ones_like(chances))
    cut = ~target.valid[:, :-1, :-1]
    assert (cut.flatten(1).sum(1) == 9).all()  # 3 x 3 of 16 x 16
    pixels = -(target.label * logits.log_softmax(1)).sum(1)
    torch.testing.assert_close(loss, pixels[target.valid].mean())


def test_an_image_without_labels_says_nothing_about_its_classes():
    model, batch = build(), toy_batch(num_classes=CLASSES)
    batch['data_samples']['labeled'][1].gt_sem_seg.data.fill_(255)
    seen = []
    classify = model.auxiliaries['cam'].classify
    model.auxiliaries['cam'].classify = lambda x: seen.append(classify(x)) or seen[-1]
    loss = losses_of(model, batch)['loss_classes']
    label = batch['data_samples']['labeled'][0].gt_sem_seg.data
    present = torch.tensor([float((label == c).any()) for c in range(1, CLASSES)])
    expected = F.binary_cross_entropy_with_logits(seen[-1][0], present)  # the last call: labeled
    torch.testing.assert_close(loss, expected)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(temperature=0), 'temperature=0'),
        (dict(cam_weight=-1), 'cam_weight=-1'),
        (dict(segmentor='DDRNet'), 'gives no features'),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else '',
)
def test_what_cannot_be_is_refused(wrong, message):
    if 'segmentor' in wrong:
        wrong = dict(segmentor=tiny_network(CONFIGS / 'models/ddrnet_23-slim.py'))
    with pytest.raises(UserError, match=message):
        MODELS.build(dict(BASE, **{'segmentor': toy_network(CLASSES), **wrong}))
