"""The seven changes of features that CCT makes, each by hand, and the boxes of objects."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.perturbations import (
    CutOutObjects,
    DropActive,
    DropChannels,
    KeepObjects,
    NoisyFeatures,
    Objects,
    RemoveObjects,
    WorstFeatures,
)
from semiseg_mm.models.perturbations.objects import boxes_of

ALL = [
    *(CutOutObjects, DropActive, DropChannels, KeepObjects),
    *(NoisyFeatures, RemoveObjects, WorstFeatures),
]


def scene(*rows: str) -> Objects:
    """Draw a mask: x is an object."""
    return Objects(torch.tensor([[[[cell == 'x' for cell in row] for row in rows]]]))


def features(objects: Objects, channels: int = 2, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    size = objects.mask.shape
    return torch.rand(size[0], channels, *size[2:], generator=generator) + 0.1


@pytest.mark.parametrize('kind', ALL)
def test_gradients_pass_to_the_features(kind):
    objects, decoder = scene('xx..', 'xx..', '....', '....'), nn.Conv2d(2, 3, 1)
    own = features(objects).requires_grad_()
    changed = kind()(own, objects, decoder)
    assert changed.shape == own.shape and not torch.equal(changed, own)
    changed.sum().backward()
    assert own.grad.any() and decoder.weight.grad is None


def test_objects_and_context_are_all():
    objects = scene('x..', '.x.', '...')
    own = features(objects)
    kept, removed = (kind()(own, objects, None) for kind in (KeepObjects, RemoveObjects))
    assert torch.equal(kept + removed, own)
    assert kept[0, 0].tolist()[0][1:] == [0, 0] and kept[0, 0, 1, 1] == own[0, 0, 1, 1]


def test_the_most_active_positions_are_dropped():
    """Means over the channels 1 2 3 4: of the largest 0.7 are 2.8. Each image has its own."""
    own = torch.tensor([[1.0, 2, 3, 4], [40, 30, 20, 10]]).view(2, 1, 1, 4).expand(2, 3, 1, 4)
    found = DropActive((0.7, 0.7))(own, None, None)
    assert found[:, 0, 0].tolist() == [[1, 2, 0, 0], [0, 0, 20, 10]]
    found = DropActive((0.95, 0.95))(own, None, None)
    assert found[0, 0, 0].tolist() == [1, 2, 3, 0]  # the largest always


def test_images_share_the_noise():
    own = torch.ones(2, 3, 4, 4)
    found = NoisyFeatures(0.3)(own, None, None)
    assert torch.equal(found[0], found[1]) and len(found[0].unique()) > 40
    assert 0.7 <= found.min() < 0.8 < 1.2 < found.max() <= 1.3


def test_channels_are_dropped_whole():
    found = DropChannels(0.5)(torch.ones(4, 64, 2, 2), None, None)
    assert set(found.unique().tolist()) == {0, 2}
    assert torch.equal(found[:, :, :1, :1].expand_as(found), found)


def test_boxes_by_hand():
    """An L, a dot that touches it at a corner, and a dot apart."""
    there, *box = boxes_of(scene('x....', 'x...x', 'xx...', '..x..').mask)
    found = sorted(tuple(int(fact[there][k]) for fact in box) for k in range(int(there.sum())))
    assert found == [(0, 4, 0, 3), (1, 2, 4, 5)]


def test_boxes_are_those_of_connected_components():
    """On random blobs, against OpenCV; a second image of the batch has nothing."""
    noise = np.random.default_rng(0).random((30, 40)).astype(np.float32)
    blobs = (cv2.GaussianBlur(noise, (7, 7), 0) > 0.53).astype(np.uint8)
    there, *box = boxes_of(torch.from_numpy(np.stack([blobs, 0 * blobs])[:, None]) > 0)
    found = {tuple(int(fact[there][k]) for fact in box) for k in range(int(there.sum()))}
    stats = cv2.connectedComponentsWithStats(blobs, connectivity=8)[2][1:]
    expected = {(y, y + h, x, x + w) for x, y, w, h, _ in stats.tolist()}
    assert found == expected and len(expected) == len(stats) > 5


def test_a_box_of_each_large_object_is_cut_out():
    """0.5 of 8 x 4 cells, anywhere inside; the dot is too small."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 2:10, 4:8] = mask[..., 14, 14] = 1
    objects, places = Objects(mask > 0), set()
    cut = CutOutObjects(erase=0.5, least=0.02)
    for seed in range(20):
        torch.manual_seed(seed)
        hole = 1 - cut(torch.ones(1, 1, 16, 16), objects, None)[0, 0]
        rows, columns = hole.nonzero().T
        assert 6 <= hole.sum() <= 10  # cells whose middle is inside
        assert (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1) == hole.sum()
        assert mask[0, 0][hole > 0].all()
        places.add((int(rows.min()), int(columns.min())))
    assert len(places) > 5
    assert CutOutObjects(erase=0.5, least=0.2)(mask, objects, None).equal(mask)


def test_the_box_is_cut_at_the_size_of_the_features():
    """Found on a small copy; an object that fills the image, and 0.4 x 0.4 of it."""
    objects = Objects(torch.ones(1, 1, 80, 120, dtype=torch.bool))
    found = CutOutObjects()(torch.ones(1, 1, 80, 120), objects, None)
    assert found.shape == (1, 1, 80, 120)
    assert 1 - found.mean().item() == pytest.approx(0.16, abs=0.01)
    assert objects.boxes.there.shape == (1, 40, 40)


def test_the_worst_features_lie_on_a_sphere_and_change_the_decoder_most():
    torch.manual_seed(0)
    decoder, own = nn.Conv2d(8, 5, 1), torch.randn(3, 8, 6, 6)
    change = WorstFeatures(radius=2.0)(own, None, decoder) - own
    torch.testing.assert_close(change.flatten(1).norm(dim=1), torch.full((3,), 2.0))

    def distance(moved: Tensor) -> Tensor:
        logs, before = decoder(moved).log_softmax(1), decoder(own).softmax(1)
        return (before * (before.log() - logs)).sum()

    for _ in range(5):
        other = torch.randn_like(own)
        other = 2 * other / other.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        assert distance(own + other) < distance(own + change) / 3


def test_the_search_is_not_disturbed_by_half_precision():
    torch.manual_seed(0)
    decoder, own, found = nn.Conv2d(8, 5, 1), torch.randn(3, 8, 6, 6), []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            found.append(WorstFeatures()(own, None, decoder))
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        (DropChannels, dict(p=2)),
        (DropActive, dict(above=(0.7, 9))),
        (NoisyFeatures, dict(reach=-1)),
        (CutOutObjects, dict(erase=40)),
        (CutOutObjects, dict(least=5)),
        (WorstFeatures, dict(step=0)),
        (WorstFeatures, dict(radius='far')),
    ],
)
def test_a_number_that_cannot_be_meant_is_named(kind, options):
    with pytest.raises(UserError, match=f'{next(iter(options))}='):
        kind(**options)
