import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from semiseg_mm.engine.inference import Predictor, predictor, preprocess_of
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_network


def whole(network, inputs):
    with torch.no_grad():
        metas = [dict(ori_shape=inputs.shape[2:], img_shape=inputs.shape[2:])]
        return network.inference(inputs, metas * len(inputs))


def normalised(images):
    return (torch.stack(images).float() - 127.5) / 127.5


def test_one_scale_is_the_softmax_of_the_networks_own_inference(build, images):
    one, batch = build(), images(3)
    expected = whole(one.network, normalised(batch)).softmax(1)
    torch.testing.assert_close(one.probabilities(batch), expected)
    found = one.predict(batch, confidence=True)
    assert found.label.equal(expected.argmax(1).to(torch.uint8)) and found.finite
    assert (found.confidence.float() - 255 * expected.amax(1)).abs().max() < 0.51
    assert found.label.unique().numel() > 2  # the network does decide something
    assert one.predict(batch).confidence is None


@pytest.mark.parametrize('divisor', [1, 8])
def test_scales_and_flips_equal_the_straight_line_computation(build, images, divisor):
    several = build(scales=(0.75, 1.0, 1.5), flip=True, size_divisor=divisor)
    batch, total = images(2), 0
    x = normalised(batch)
    # 13.5 x 19.5, 18 x 26, 27 x 39, down; to multiples of 8: 0.75 * 18 / 8 = 1.7, 19.5 / 8 = 2.4, …
    sizes = {1: [(13, 19), (18, 26), (27, 39)], 8: [(16, 16), (16, 24), (24, 40)]}
    for size in sizes[divisor]:
        for flipped in (False, True):
            scaled = F.interpolate(x, size, mode='bilinear', align_corners=False)
            scaled = scaled.flip(3) if flipped else scaled
            scores = whole(several.network, scaled).softmax(1)
            scores = scores.flip(3) if flipped else scores
            total = total + F.interpolate(scores, (18, 26), mode='bilinear', align_corners=False)
    expected = total / 6
    torch.testing.assert_close(several.probabilities(batch), expected)
    found = several.predict(batch, confidence=True)
    sure = expected.topk(2, 1).values
    sure = sure[:, 0] - sure[:, 1] > 1e-5
    assert found.label[sure].equal(expected.argmax(1)[sure].to(torch.uint8))
    assert (found.confidence.float() - 255 * expected.amax(1)).abs().max() < 0.51


def test_labels_at_the_size_before_resizing_are_of_interpolated_probabilities(build, images):
    one, batch = build(), images(3)
    found = one.predict(batch, True, size=(41, 60))
    scores = one.probabilities(batch)
    expected = F.interpolate(scores, (41, 60), mode='bilinear', align_corners=False)
    sure = expected.topk(2, 1).values
    sure = sure[:, 0] - sure[:, 1] > 1e-5
    assert found.label.shape == (3, 41, 60) and found.label.dtype == torch.uint8
    assert found.label[sure].equal(expected.argmax(1)[sure].to(torch.uint8)) and found.finite
    assert (found.confidence.float() - 255 * expected.amax(1)).abs().max() < 0.51


def test_sliding_windows_of_the_test_config_are_used(build, images):
    slide = dict(mode='slide', crop_size=(12, 12), stride=(8, 8))
    sliding, plain = build(test_cfg=slide), build()
    batch = images(2)
    expected = whole(sliding.network, normalised(batch)).softmax(1)
    torch.testing.assert_close(sliding.probabilities(batch), expected)
    assert not torch.allclose(expected, plain.probabilities(batch), atol=1e-3)
    assert sliding.predict(batch).label.equal(expected.argmax(1).to(torch.uint8))


def test_padding_of_the_preprocessor_is_cut_off(build, images):
    padding = build(preprocessor=dict(test_cfg=dict(size_divisor=16)), flip=True)
    batch = images(2)  # 18x26 → 32x32
    padded = F.pad(normalised(batch), (0, 6, 0, 14))
    straight = whole(padding.network, padded).softmax(1)
    mirrored = whole(padding.network, padded.flip(3)).softmax(1).flip(3)
    expected = ((straight + mirrored) / 2)[:, :, :18, :26]
    torch.testing.assert_close(padding.probabilities(batch), expected)
    assert padding.predict(batch).label.shape == (2, 18, 26)


class Fixed(nn.Module):
    """Gives the scores that it was made with."""

    out_channels, align_corners = 2, False

    def __init__(self, scores: torch.Tensor) -> None:
        super().__init__()
        self.scores = scores

    def inference(self, inputs, metas):
        return self.scores.expand(len(inputs), -1, -1, -1).clone()


def test_confidence_is_rounded_to_256_steps():
    """By hand: scores (0, ln 3) are probabilities 1/4, 3/4; 255 * 3/4 = 191.25."""
    ln3, ln99 = torch.log(torch.tensor([3.0, 99.0]))
    # probabilities of the first class: 1/4, 3/4 | 0.99, about 1
    scores = torch.stack([torch.tensor([[0, ln3], [ln99, 60.0]]), torch.tensor([[ln3, 0], [0, 0]])])
    one = Predictor(Fixed(scores[None]), lambda images: torch.stack(images).float())
    found = one.predict([torch.zeros(3, 2, 2)], confidence=True)
    assert found.label.tolist() == [[[1, 0], [0, 0]]]
    assert found.confidence.tolist() == [[[191, 191], [252, 255]]]  # 252.45


def test_a_network_that_diverged_is_noticed():
    for bad in (float('nan'), float('inf')):
        scores = torch.zeros(1, 2, 2, 2)
        scores[0, 0, 1, 1] = bad
        for flip in (False, True):
            stack = lambda images: torch.stack(images).float()  # noqa: E731
            one = Predictor(Fixed(scores), stack, flip=flip)
            assert not one.predict([torch.zeros(3, 2, 2)]).finite


def test_large_batches_are_predicted_in_parts_on_a_cpu(build, images, monkeypatch):
    one, batch = build(), images(5)
    together = one.predict(batch, confidence=True)
    monkeypatch.setattr(predictor, 'FEW', 2 * 4 * 18 * 26)  # logits of two images
    apart = one.predict(batch, confidence=True)
    alone = [one.predict([image], confidence=True) for image in batch]
    assert apart.label.shape == together.label.shape == (5, 18, 26)
    assert apart.label.equal(torch.cat([part.label for part in alone]))
    assert (apart.confidence.int() - together.confidence.int()).abs().max() <= 1


def test_the_number_of_threads_changes_no_bit(build, images):
    one, batch, found = build(scales=(1.0, 2.0)), images(2, 64, 64), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        try:
            found.append((one.probabilities(batch), one.predict(batch, True).confidence))
            assert torch.get_num_threads() == threads  # as it was
        finally:
            torch.set_num_threads(1)
    assert all(a.equal(b) for a, b in zip(*found, strict=True))


def test_what_an_8_bit_label_map_cannot_hold_is_refused(build):
    network = copy.copy(build().network)
    for classes, sentence in ((1, 'out_channels=1'), (256, '256 classes')):
        network.out_channels = classes
        with pytest.raises(UserError, match=sentence):
            Predictor(network, preprocess_of(network.data_preprocessor))
    with pytest.raises(UserError, match='scales'):
        build(scales=())


def test_of_takes_the_network_that_predicts(images):
    model = MODELS.build(dict(type='CPSSegmentor', segmentor=toy_network(num_classes=4))).eval()
    model.init_weights()
    batch = images(2, 64, 64)
    with model.predicting_on(list(model.networks)[1]):
        second = Predictor.of(model, scales=(1.0,), flip=True)
    first = Predictor.of(model)
    assert (first.network, second.network) == tuple(model.networks.values()) and second.flip
    found = model.test_step(dict(inputs=batch, data_samples=None))
    labels = torch.stack([sample.pred_sem_seg.data[0] for sample in found])
    assert first.predict(batch).label.equal(labels.to(torch.uint8))


@pytest.mark.parametrize(
    'windows, size, seen',
    [
        (None, (24, 40), (24, 40)),
        (None, (18, 26), (16, 24)),
        ('shift', (33, 26), (33, 24)),  # only a window of 26 does not suit
        ('shift', (33, 35), (33, 35)),
        ('cut', (33, 48), (32, 48)),  # its last windows are 17 and 1 high
    ],
)
def test_an_image_is_resized_where_what_the_network_sees_would_not_suit_it(
    build, windows, size, seen
):
    network = copy.deepcopy(build().network)
    if windows:
        network.test_cfg = dict(mode='slide', crop_size=(32, 32), stride=(16, 16), windows=windows)
    one = Predictor(network, None, needed=8)
    assert one._sizes(torch.empty(1, 3, *size)) == [seen]
