import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from PIL import Image

from semiseg_mm.datasets import ScaleCrop
from semiseg_mm.datasets.transforms.scale_crop import Window
from semiseg_mm.errors import UserError

SIZE = (120, 160)


def noise(channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, channels), np.uint8)


def pillow(image, factor):
    """The whole image resized as the codes of UniMatch and ST do."""
    size = [round(n * factor) for n in image.shape[:2]]
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.BILINEAR)).astype(int)


def crop(image, factor, side=32, seed=0, **options):
    np.random.seed(seed)
    options = dict(crop_size=side, scale=[factor], flip=0, antialias=True) | options
    return ScaleCrop(**options)(dict(img=image.copy()))


# 9/16 of this size rounds to other steps down than across
@pytest.mark.parametrize('factor', [0.25, 0.3, 0.5, 0.5625, 0.6, 0.75, 0.9])
def test_the_whole_image_is_pillows(factor):
    image = noise()
    expected = pillow(image, factor)
    gap = np.abs(crop(image, factor, expected.shape[:2])['img'] - expected)
    assert gap.max() <= 2 and gap.mean() < 0.3
    sharp = np.abs(crop(image, factor, expected.shape[:2], antialias=False)['img'] - expected)
    assert sharp.mean() > 5


@pytest.mark.parametrize('factor', [0.25, 0.5, 0.75])
@pytest.mark.parametrize('corner', [(0, 0), (8, 36), (4, 0), (24, 88)])
def test_a_crop_is_one_of_pillows_whole_image(factor, corner):
    """Where it begins at a whole pixel of both. The first row and column lack what lies before."""
    image = noise(seed=1)
    window = Window(SIZE, [round(n * factor) for n in SIZE], (15, 17), antialias=True)
    window.corner = corner
    top, left = (round(c * factor) for c in corner)
    expected = pillow(image, factor)[top : top + 15, left : left + 17]
    gap = np.abs(window.cut(image, cv2.INTER_LINEAR, False, 0) - expected)
    assert gap[bool(top) :, bool(left) :].max() <= 2
    flipped = window.cut(image, cv2.INTER_LINEAR, True, 0)
    assert np.array_equal(flipped, window.cut(image, cv2.INTER_LINEAR, False, 0)[:, ::-1])


def test_what_is_not_shrunk_stays_as_it_was():
    """Enlarged images, and label maps at any scale: no label is mixed."""
    image = noise()
    for factor in (1.0, 1.5):
        same = [crop(image, factor, 90, antialias=on)['img'] for on in (True, False)]
        np.testing.assert_array_equal(*same)
    labels = np.random.default_rng(0).choice(np.uint8([0, 3, 255]), SIZE)
    both = []
    for on in (True, False):
        np.random.seed(0)
        data = dict(img=image, gt_seg_map=labels, seg_fields=['gt_seg_map'])
        both.append(ScaleCrop(32, [0.6], antialias=on)(data))
    np.testing.assert_array_equal(*(out['gt_seg_map'] for out in both))
    np.testing.assert_array_equal(*(out['valid'] for out in both))


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('channels', [0, 1, 3, 4, 12])
def test_any_channels_and_types(dtype, channels):
    """Each channel is filtered alone. A read-only image, too."""
    image = noise(max(1, channels)).astype(dtype)
    image = image if channels else image[..., 0]
    image.flags.writeable = False
    out = crop(image, 0.6)['img']
    assert out.dtype == dtype and out.shape == (32, 32, *image.shape[2:])
    expected = crop(image.reshape(*SIZE, -1)[..., -1], 0.6)['img'].astype(float)
    assert np.abs(out.reshape(32, 32, -1)[..., -1] - expected).max() <= 1


def test_a_jpeg_is_decoded_whole(tmp_path):
    """Decoded at half its size it would be far sharper than Pillow makes it."""
    path = str(tmp_path / 'a.jpg')
    cv2.imwrite(path, cv2.GaussianBlur(noise(), (0, 0), 1))
    steps = [dict(type='LoadImage'), dict(type='ScaleCrop', crop_size=(60, 80), flip=0)]
    whole = cv2.imread(path)
    for on in (True, False):
        draw = dict(type='DrawScale', scale=[0.5], antialias=on)
        out = Compose([draw, *steps])(dict(img_path=path))['img']
        gap = np.abs(out - pillow(whole, 0.5))
        assert (gap.max() <= 2) == on


def test_two_places_for_it_are_one_too_many(tmp_path):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, noise())
    steps = [dict(type='DrawScale'), dict(type='LoadImage')]
    with pytest.raises(UserError, match='both have antialias: keep that of DrawScale'):
        Compose([*steps, dict(type='ScaleCrop', antialias=True)])(dict(img_path=path, crop_size=9))


def test_padding_at_all_sides():
    """4 x 6 in 7 x 8: 3 rows of padding, 1 of them above, and a column at each side."""
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    labels = image % 5
    for flip, step in ((0, 1), (1, -1)):
        crop = ScaleCrop((7, 8), (1, 1), flip, pad_val=99, pad_around=True)
        out = crop(dict(img=image, gt_seg_map=labels, seg_fields=['gt_seg_map']))
        inside = np.zeros((7, 8), bool)
        inside[1:5, 1:7] = True
        np.testing.assert_array_equal(out['valid'], inside)
        np.testing.assert_array_equal(out['img'][1:5, 1:7], image[:, ::step])
        np.testing.assert_array_equal(out['gt_seg_map'][1:5, 1:7], labels[:, ::step])
        assert (out['img'][~inside] == 99).all() and (out['gt_seg_map'][~inside] == 255).all()
