import cv2
import numpy as np
import pytest

from semiseg_mm.datasets import StrongView
from semiseg_mm.datasets.transforms.strong import blend, shift_hue

OFF = dict(jitter_prob=0, gray_prob=0, blur_prob=0)
SHAPES = [(12, 16), (12, 16, 1), (12, 16, 3), (12, 16, 4), (12, 16, 12)]


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def run(image, seed=0, **kwargs):
    np.random.seed(seed)
    return StrongView(**kwargs).transform(dict(img=image.copy()))['img']


@pytest.mark.parametrize('shape', SHAPES)
def test_no_probability_is_the_identity(shape):
    image = noise(shape)
    for seed in range(5):
        np.testing.assert_array_equal(run(image, seed, **OFF), image)


@pytest.mark.parametrize('shape', SHAPES)
def test_changes_values_and_keeps_shape_and_type(shape):
    image = noise(shape)
    out = run(image, jitter_prob=1, blur_prob=1)
    assert out.shape == shape and out.dtype == np.uint8
    assert (out != image).mean() > 0.5


@pytest.mark.parametrize('shape', SHAPES)
def test_without_blur_every_pixel_stays_where_it_is(shape):
    """Shuffling the pixels before or after the view is the same."""
    image = noise(shape)
    order = np.random.default_rng(1).permutation(12 * 16)

    def shuffled(x):
        return x.reshape(12 * 16, -1)[order].reshape(shape)

    for seed in range(20):
        kwargs = dict(jitter_prob=1, gray_prob=0.5, blur_prob=0)
        np.testing.assert_array_equal(
            run(shuffled(image), seed, **kwargs), shuffled(run(image, seed, **kwargs))
        )


@pytest.mark.parametrize('shape', SHAPES)
def test_blur_does_not_shift(shape):
    """A single bright pixel spreads evenly to all sides; a constant image stays constant."""
    image = np.zeros(shape, np.uint8)
    image[6, 8] = 255
    for seed in range(5):
        out = run(image, seed, **dict(OFF, blur_prob=1), sigma=(0.8, 1.5)).astype(int)
        window = out[3:10, 5:12]
        assert window[3, 3].min() < 255 and window[3, 4].min() > 0
        np.testing.assert_array_equal(window, window[::-1])
        np.testing.assert_array_equal(window, window[:, ::-1])
        np.testing.assert_array_equal(window, window.swapaxes(0, 1))
    flat = run(np.full(shape, 90, np.uint8), jitter_prob=1, blur_prob=1)
    assert (flat == flat[:1, :1]).all()


def test_blend_by_hand():
    """Anchor 0, factor 0.5 halves: 101 -> 50.5 -> 51. Anchor 100, factor 2 doubles the distance:
    150 -> 200, 250 -> 400 -> 255, 20 -> -60 -> 0.
    """
    assert blend(np.uint8([100, 101, 0, 255]), 0.0, 0.5).tolist() == [50, 51, 0, 128]
    assert blend(np.uint8([150, 250, 20, 100]), 100.0, 2.0).tolist() == [200, 255, 0, 100]
    assert blend(np.arange(256, dtype=np.uint8), 77.0, 1.0).tolist() == list(range(256))


def test_hue_by_hand():
    """A third of a turn makes red green, green blue and blue red (all in BGR)."""
    blue, green, red = np.eye(3, dtype=np.uint8)[:, None, None] * 255
    for before, after in ((red, green), (green, blue), (blue, red)):
        np.testing.assert_allclose(shift_hue(before, 1 / 3).astype(int), after, atol=8)
        np.testing.assert_allclose(shift_hue(after, -1 / 3).astype(int), before, atol=8)


def test_hue_shift_of_nothing_or_a_full_turn_changes_next_to_nothing():
    image = noise((16, 16, 3))
    for turns in (0, 1, -1):
        assert np.abs(shift_hue(image, turns).astype(int) - image).max() <= 8


def test_grayscale_by_hand():
    """0.114 * 200 + 0.587 * 100 + 0.299 * 50 = 96.45; images that are not BGR stay."""
    image = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    only_gray = dict(OFF, gray_prob=1)
    assert (run(image, **only_gray) == 96).all()
    for shape in SHAPES:
        if shape[2:] != (3,):
            np.testing.assert_array_equal(run(noise(shape), **only_gray), noise(shape))


NO_JITTER = dict(
    brightness=0, contrast=0, saturation=0, hue=0, jitter_prob=1, gray_prob=0, blur_prob=0
)


def half_and_half():
    image = np.full((4, 4), 100, np.uint8)
    image[:, 2:] = 140
    return image


def test_brightness_scales_the_values():
    """Amount 0.5: a mean of 120 becomes 60 .. 180."""
    views = [run(half_and_half(), s, **dict(NO_JITTER, brightness=0.5)) for s in range(80)]
    means = [view.mean() for view in views]
    assert 60 - 1 <= min(means) < 75 and 165 < max(means) <= 180 + 1


def test_contrast_scales_the_distance_to_the_mean():
    """Amount 0.5: the mean stays 120, the distance of 20 to it becomes 10 .. 30."""
    views = [run(half_and_half(), s, **dict(NO_JITTER, contrast=0.5)) for s in range(80)]
    assert max(abs(view.mean() - 120) for view in views) <= 1
    widths = [np.ptp(view) / 2 for view in views]
    assert 10 - 1 <= min(widths) < 13 and 27 < max(widths) <= 30 + 1


def test_saturation_scales_the_distance_to_gray():
    """Amount 1: factors 0 .. 2. The gray value stays, the distance to it is scaled."""
    image = np.full((2, 2, 3), (110, 120, 130), np.uint8)
    spreads = []
    for seed in range(60):
        out = run(image, seed, **dict(NO_JITTER, saturation=1))
        assert abs(int(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY)[0, 0]) - 122) <= 2
        spreads.append(int(np.ptp(out[0, 0])))
    assert min(spreads) < 4 and 36 < max(spreads) <= 42


def test_parts_follow_their_probabilities():
    image = noise((6, 6, 3))
    for part in ('jitter_prob', 'gray_prob', 'blur_prob'):
        kwargs = dict(OFF, **{part: 0.5}, sigma=(1, 2))
        changed = sum((run(image, seed, **kwargs) != image).any() for seed in range(60))
        assert 15 < changed < 45


def test_same_seed_same_view_and_the_input_is_left_alone():
    image = noise((8, 8, 3))
    before = image.copy()
    np.random.seed(2)
    first = StrongView(jitter_prob=1).transform(dict(img=image))['img']
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(first, run(image, 2, jitter_prob=1))
    assert (first != run(image, 3, jitter_prob=1)).any()
