"""DCC: its loss by other means, which side moves, which cells meet, and what it remembers."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import DirectionalContrast, Pixels, shared, shrunk, unflipped
from semiseg_mm.models.segmentors.forward import Output
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/dcc.py')


def pixels(count: int, seed: int, channels: int = 4) -> Pixels:
    generator = torch.Generator().manual_seed(seed)
    features = F.normalize(torch.randn(count, channels, generator=generator), dim=1)
    label = torch.randint(-1, 3, (count,), generator=generator)
    return Pixels(features, label, torch.rand(count, generator=generator))


def by_hand(own: Pixels, guide: Pixels, negatives: Pixels, threshold: float = 0.4) -> torch.Tensor:
    """Pixel by pixel, with exponentials as the paper writes them."""
    terms = []
    for x, y, confidence, z, y_z, surer in zip(*own, *guide, strict=True):
        if min(y, y_z) < 0 or surer <= threshold or confidence >= surer:
            continue
        positive = (x @ z.detach() / 0.1).exp()
        others = [
            (x @ n / 0.1).exp() for n, c in zip(*negatives[:2], strict=True) if c >= 0 and c != y
        ]
        terms.append(-(positive / (positive + sum(others))).log())
    return sum(terms) / max(1, len(terms))


def test_loss_is_the_published_formula():
    """Over three steps: with the negatives of this one and of the one before."""
    contrast = DirectionalContrast(4, threshold=0.4, negatives=5, remembered=1)
    before = None
    for step in range(3):
        one, other, crops = pixels(9, step), pixels(9, 10 + step), pixels(10, 20 + step)
        crops = [Pixels.each(lambda x, own=own: x[own], crops) for own in (slice(5), slice(5, 10))]
        now = Pixels.each(lambda *x: torch.cat(x), *crops)
        seen = now if before is None else Pixels.each(lambda *x: torch.cat(x), now, before)
        expected = by_hand(one, other, seen) + by_hand(other, one, seen)
        assert expected > 0
        torch.testing.assert_close(contrast(one, other, crops), expected)
        before = now
    bank = sorted(contrast.features.tolist()), sorted(contrast.classes.tolist())
    assert bank == (sorted(now.features.tolist()), sorted(now.label.tolist()))


def test_few_pixels_leave_places_without_a_class():
    contrast, crop = DirectionalContrast(4, negatives=5, remembered=2), pixels(3, 0)
    crop = crop._replace(label=torch.tensor([0, 1, 2]))
    contrast(crop, crop, [crop, crop])
    assert len(contrast.classes) == 20 and (contrast.classes >= 0).sum() == 6
    contrast(crop, crop, [crop, crop])
    assert (contrast.classes >= 0).sum() == 12


def test_the_surer_side_does_not_move():
    contrast, own, guide = DirectionalContrast(4), pixels(6, 0), pixels(6, 1)
    for side in (own, guide):
        side.features.requires_grad_()
        side.label.fill_(1)
    own.confidence.fill_(0.5), guide.confidence.fill_(0.9)
    negatives = pixels(6, 2)
    contrast(own, guide, [negatives, negatives]).backward()
    assert own.features.grad.abs().sum(1).gt(0).all() and not guide.features.grad.any()


def test_where_no_pixel_is_sure_the_loss_is_0():
    contrast, own, guide = DirectionalContrast(4), pixels(6, 0), pixels(6, 1)
    own.features.requires_grad_()
    unsure = guide._replace(confidence=guide.confidence * 0.7)
    loss = contrast(own._replace(confidence=unsure.confidence * 0.9), unsure, [own, guide])
    loss.backward()
    assert loss == 0 and not own.features.grad.any()


def test_chunks_change_nothing(monkeypatch):
    found = []
    for size in (2**24, 40):
        monkeypatch.setattr('semiseg_mm.models.losses.directional_contrast.AT_ONCE', size)
        own, guide, crop = pixels(30, 0), pixels(30, 1), pixels(9, 2)
        own.features.requires_grad_()
        loss = DirectionalContrast(4, negatives=9)(own, guide, [crop, crop])
        loss.backward()
        found.append((loss, own.features.grad))
    torch.testing.assert_close(*found)


def test_a_bank_of_other_settings_starts_anew():
    stored, own = DirectionalContrast(4, negatives=3), DirectionalContrast(4, negatives=7)
    stored(pixels(6, 0), pixels(6, 1), [pixels(6, 2), pixels(6, 3)])
    own.load_state_dict(stored.state_dict())
    assert len(own.classes) == 14 and (own.classes == -1).all()
    same = DirectionalContrast(4, negatives=3)
    same.load_state_dict(stored.state_dict())
    assert torch.equal(same.features, stored.features) and same.features.any()


def test_cells_of_the_overlap_meet():
    """A board of numbers, seen from two places, one of them in a mirror."""
    board = torch.arange(100.0).view(10, 10)
    for shift in ([2, 3], [-2, 1], [0, 0], [3, -4]):
        corners = [max(0, -far) for far in shift], [max(0, far) for far in shift]
        seen = [board[y : y + 5, x : x + 6] for y, x in corners]
        maps = [seen[0].expand(2, -1, -1), seen[1].flip(1).expand(2, -1, -1)]
        maps[1] = unflipped(maps[1], [True, True])
        crops = [Pixels(x.unsqueeze(3), x, x) for x in maps]
        one, other = shared(crops, [shift, shift])
        assert torch.equal(one.label, other.label)
        assert len(one.label) == 2 * (5 - abs(shift[0])) * (6 - abs(shift[1]))
        assert one.features.shape == (len(one.label), 1)


def test_cells_are_means():
    x = torch.arange(16.0).view(1, 1, 4, 4)
    assert shrunk(x, [2, 2]).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert shrunk(x[..., :3], [2, 2]).shape == shrunk(x, [8, 8])[..., ::4, ::4].shape


def build(progress: float = 1.0, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(dict(BASE.model.to_dict(), segmentor=toy_network(), **kwargs)).eval()
    model.iteration, model.max_iters = progress, 1
    return model


def loss_of(model, batch=None) -> torch.Tensor:
    data = model.data_preprocessor(batch or toy_batch(views=['weak'], size=32), True)
    return model(**data, mode='loss')['loss_contrast']


def test_a_mirrored_crop_has_the_cells_of_the_crop():
    """Features and logits as a network without a preference for a side would give them."""
    model, batch = build(), toy_batch(views=['weak'], size=32)
    samples = batch['data_samples']['weak']
    samples[1].set_metainfo(dict(flip=True))
    valid = samples[0].valid.data
    embedding, coarse = torch.randn(1, 6, 16, 16), torch.randn(1, 3, 16, 16)
    output = Output(coarse, (), *(torch.cat([x, x.flip(3)]) for x in (embedding, coarse)))
    found = model._cells(View(coarse, samples, torch.cat([valid, valid.flip(2)])), output)
    for x in found:
        torch.testing.assert_close(x[0], x[1])
    assert found.features.shape == (2, 4, 4, 128)
    assert (found.label[0] >= 0).tolist() == [[True] * 3 + [False]] * 3 + [[False] * 4]


def test_before_its_time_it_learns_labels_alone():
    options = dict(supervised_until=0.5, contrast=dict(type='DirectionalContrast', threshold=0.1))
    losses = []
    for progress in (0.4, 0.5):
        model = build(progress, **options)
        model.contrast.classes.fill_(9)  # the toy network itself knows one class
        losses.append(loss_of(model))
    assert losses[0] == 0 < losses[1]


@pytest.mark.parametrize(
    ('stride', 'offset'), [(8, None), (8, (0, 12)), (5, (0, 0))], ids=['none', 'apart', 'crop']
)
def test_crops_that_do_not_fit_are_refused(stride, offset):
    batch = toy_batch(views=['weak'], size=32)
    for sample in batch['data_samples']['weak']:
        if offset is None:
            del sample.crop_offset
        else:
            sample.set_metainfo(dict(crop_offset=offset))
    with pytest.raises(UserError, match=r'set train_dataloader\.sampler\.crops=2'):
        loss_of(build(stride=stride), batch)
