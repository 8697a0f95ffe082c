from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageOps

from semiseg_mm.datasets.transforms.random_ops import AUGSEG, POOL, RandomOps
from semiseg_mm.errors import UserError

SHAPES = [(12, 16), (12, 16, 1), (12, 16, 3), (12, 16, 4), (12, 16, 12)]


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def apply(name, image, strength):
    return POOL[name][0](np.uint8(image), strength)


def test_every_operation_keeps_shape_and_type_and_its_input():
    """The other views still need the input."""
    wrong = []
    for name, shape in product(POOL, SHAPES):
        image = noise(shape)
        np.random.seed(0)
        out = RandomOps(1, [name]).transform(dict(img=image))['img']
        kept = np.array_equal(image, noise(shape))
        if (out.shape, out.dtype, kept) != (shape, np.uint8, True):
            wrong.append((name, shape, out.shape, out.dtype, kept))
    assert wrong == []


def test_by_hand():
    row = [[0, 100, 200, 255]]
    assert apply('posterize', row, 4.9).tolist() == [[0, 96, 192, 240]]
    assert apply('posterize', row, 8.0).tolist() == row
    assert apply('solarize', row, 200.5).tolist() == [[0, 100, 55, 0]]
    assert apply('invert', row, 0).tolist() == [[255, 155, 55, 0]]
    assert apply('brightness', row, 0.5).tolist() == [[0, 50, 100, 128]]
    assert apply('contrast', [[0, 100, 200]], 0.5).tolist() == [[50, 100, 150]]  # mean 100
    # 60 of 50 … 90 is a quarter of the way
    assert apply('autocontrast', [[50, 60, 90]], 0)[..., 0].tolist() == [[0, 63, 255]]
    assert apply('autocontrast', [[7, 7]], 0)[..., 0].tolist() == [[7, 7]]
    # 255 of 510 pixels are not the brightest, so each moves the next value by one
    row = [[10] * 100 + [20] * 155 + [90] * 255]
    found = apply('equalize', row, 0)[..., 0]
    assert found[0, [0, 100, 255]].tolist() == [0, 100, 255]
    assert apply('equalize', [[3, 4, 9]], 0)[..., 0].tolist() == [[3, 4, 9]]  # too few pixels


def test_operations_that_are_pillows_to_the_level():
    """On images of few and of many values; the strengths are those of AugSeg's code."""
    rng = np.random.default_rng(0)
    for most in (1, 2, 40, 256):
        image = rng.integers(0, most, (40, 30, 3)).astype(np.uint8)
        theirs = Image.fromarray(image)
        np.testing.assert_array_equal(apply('equalize', image, 0), ImageOps.equalize(theirs))
        for bits in (4, 5, 6, 7):
            posterized = ImageOps.posterize(theirs, bits)
            np.testing.assert_array_equal(apply('posterize', image, bits + 0.5), posterized)
        for threshold in (1, 128, 255):
            solarized = ImageOps.solarize(theirs, threshold)
            np.testing.assert_array_equal(apply('solarize', image, threshold + 0.5), solarized)


def test_strengths_are_drawn_from_augsegs():
    """4 to 7 bits and 1 to 255, each as likely: both ends are drawn, and nothing beyond."""
    ramp = np.arange(256, dtype=np.uint8)[None]
    np.random.seed(0)
    bits = [RandomOps(1, ['posterize']).transform(dict(img=ramp))['img'] for _ in range(60)]
    assert {len(np.unique(image)) for image in bits} == {16, 32, 64, 128}
    dark = [RandomOps(1, ['solarize']).transform(dict(img=ramp))['img'] for _ in range(2000)]
    kept = [(image[0] == ramp[0]).sum() for image in dark]  # values below the threshold
    assert min(kept) == 1 and max(kept) == 255


def test_sharpness_by_hand():
    """One bright pixel of 130: smoothed to 130 * 5 / 13 = 50, its neighbours to 10."""
    image = np.zeros((5, 5), np.uint8)
    image[2, 2] = 130
    out = apply('sharpness', image, 0.5)
    assert out[2, 2] == 90 and out[2, 1] == 5 and out[0].max() == 0
    assert (apply('sharpness', image, 1.0) == image).all()


def test_colour_operations_leave_other_images_alone():
    for shape in ((6, 6), (6, 6, 4)):
        for name in ('color', 'hue'):
            image = noise(shape)
            np.testing.assert_array_equal(apply(name, image, 0.3), image)
    gray = apply('color', np.uint8([[[10, 200, 50]]]), 0.0)
    assert gray.tolist() == [[[133, 133, 133]]]  # .114 * 10 + .587 * 200 + .299 * 50


def test_the_default_pool_is_augsegs():
    assert len(AUGSEG) == 11 and 'invert' not in AUGSEG
    assert RandomOps().ops == AUGSEG and RandomOps().count == (1, 3)


def test_count_is_drawn_from_both_ends_on():
    """One inversion makes 0 to 255, a second one undoes it."""
    np.random.seed(0)
    black = np.zeros((1, 1), np.uint8)
    drawn = [RandomOps((1, 2), ['invert']).transform(dict(img=black))['img'] for _ in range(40)]
    assert {int(image[0, 0]) for image in drawn} == {0, 255}


def test_an_unknown_operation_names_the_pool():
    with pytest.raises(UserError, match="ops='sharpen' of RandomOps is none of 'identity'"):
        RandomOps(ops=['sharpen'])
    with pytest.raises(UserError, match=r'a\.tif is float32'):
        RandomOps().transform(dict(img=np.zeros((2, 2), np.float32), img_path='a.tif'))
