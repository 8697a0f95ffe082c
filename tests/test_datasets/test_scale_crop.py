import cv2
import numpy as np
import pytest
from mmcv.transforms import Compose
from PIL import Image

from semiseg_mm.datasets import LoadImage, ScaleCrop
from semiseg_mm.errors import UserError


def sample(height, width, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    shape = (height, width, channels) if channels else (height, width)
    image = rng.integers(0, 256, shape, np.uint8)
    label = rng.choice(np.uint8([0, 3, 7, 255]), (height, width))
    return dict(img=image, gt_seg_map=label, seg_fields=['gt_seg_map'])


def coordinates(height, width):
    """An image whose two channels say where a pixel came from."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([y, x], 2)


def run(results, seed=0, **kwargs):
    np.random.seed(seed)
    copied = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in results.items()}
    return ScaleCrop(**kwargs).transform(copied)


@pytest.mark.parametrize('channels', [0, 1, 3, 4, 12])
def test_scale_1_and_full_crop_is_the_identity(channels):
    data = sample(9, 12, channels)
    out = run(data, crop_size=(9, 12), scale=(1, 1), flip=0)
    np.testing.assert_array_equal(out['img'], data['img'])
    np.testing.assert_array_equal(out['gt_seg_map'], data['gt_seg_map'])
    assert out['img'].dtype == out['gt_seg_map'].dtype == np.uint8
    assert out['valid'].dtype == bool and out['valid'].all()
    assert out['img_shape'] == (9, 12) and out['flip'] is False


@pytest.mark.parametrize('channels', [0, 1, 3, 4, 12])
def test_flip_mirrors_image_and_label_alike(channels):
    data = sample(9, 12, channels)
    out = run(data, crop_size=(9, 12), scale=(1, 1), flip=1)
    np.testing.assert_array_equal(out['img'], data['img'][:, ::-1])
    np.testing.assert_array_equal(out['gt_seg_map'], data['gt_seg_map'][:, ::-1])
    assert out['flip'] is True and out['flip_direction'] == 'horizontal'


def test_scale_2_repeats_every_label():
    """1 2 becomes 1 1 2 2, over 3 4 -> 3 3 4 4."""
    data = dict(img=np.zeros((2, 2, 3), np.uint8), gt_seg_map=np.uint8([[1, 2], [3, 4]]))
    out = run(data, crop_size=4, scale=(2, 2), flip=0)
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert out['gt_seg_map'].tolist() == expected
    assert out['scale_factor'] == (2, 2)


@pytest.mark.parametrize('channels', [0, 1, 3, 4, 12])
@pytest.mark.parametrize('flip', [0, 1])
def test_small_image_stands_at_the_top_left_of_the_padding(channels, flip):
    data = sample(4, 6, channels)
    out = run(data, crop_size=(7, 8), scale=(1, 1), flip=flip, pad_val=114)
    step = -1 if flip else 1
    np.testing.assert_array_equal(out['img'][:4, :6], data['img'][:, ::step])
    np.testing.assert_array_equal(out['gt_seg_map'][:4, :6], data['gt_seg_map'][:, ::step])
    padding = np.ones((7, 8), bool)
    padding[:4, :6] = False
    assert (out['img'][padding] == 114).all() and (out['gt_seg_map'][padding] == 255).all()
    np.testing.assert_array_equal(out['valid'], ~padding)
    assert out['img'].shape == (7, 8, *data['img'].shape[2:])


def test_image_that_is_small_along_one_axis_is_cropped_along_the_other():
    data = dict(img=coordinates(4, 30))
    out = run(data, crop_size=(8, 10), scale=(1, 1), flip=0, seed=1)
    left = int(out['img'][0, 0, 1])
    assert left > 0
    np.testing.assert_array_equal(out['img'][:4], data['img'][:, left : left + 10])
    np.testing.assert_array_equal(out['valid'], np.arange(8)[:, None].repeat(10, 1) < 4)


@pytest.mark.parametrize('flip', [0, 1])
def test_scale_1_crops_are_slices(flip):
    data = sample(20, 30, 3)
    place = coordinates(20, 30)
    for seed in range(20):
        origin = run(dict(img=place), seed, crop_size=(8, 10), scale=(1, 1), flip=flip)
        top, left = origin['img'].min((0, 1)).astype(int)
        out = run(data, seed, crop_size=(8, 10), scale=(1, 1), flip=flip)
        window = np.s_[top : top + 8, left : left + 10]
        step = -1 if flip else 1
        np.testing.assert_array_equal(out['img'], data['img'][window][:, ::step])
        np.testing.assert_array_equal(out['gt_seg_map'], data['gt_seg_map'][window][:, ::step])
        assert out['valid'].all()


def test_every_crop_position_is_drawn():
    """A 4x4 crop of a 5x6 image has 2 x 3 places."""
    corners = set()
    for seed in range(100):
        out = run(dict(img=coordinates(5, 6)), seed, crop_size=4, scale=(1, 1), flip=0)
        corners.add(tuple(out['img'][0, 0].astype(int)))
    assert corners == {(y, x) for y in (0, 1) for x in (0, 1, 2)}


@pytest.mark.parametrize('factor', [0.5, 1, 1.37, 2])
@pytest.mark.parametrize('flip', [0, 1])
def test_image_and_label_show_the_same_place(factor, flip):
    """Values are column numbers in both: half a pixel of shift would show as a mean of 0.5."""
    columns = np.tile(np.arange(40, dtype=np.uint8), (40, 1))
    data = dict(img=columns, gt_seg_map=columns.copy())
    out = run(data, crop_size=16, scale=(factor, factor), flip=flip)
    gap = out['img'].astype(float) - out['gt_seg_map']
    assert abs(gap).max() <= 1
    if factor != 0.5:  # there each label lies exactly between two pixels
        assert abs(gap.mean()) < 0.2


@pytest.mark.parametrize('factor', [0.5, 0.8, 1, 1.37, 2])
def test_pixels_come_from_where_the_scale_says(factor):
    """Neighbours in the crop are 1 / factor apart in the image; both axes, no drift."""
    out = run(dict(img=coordinates(50, 60)), crop_size=16, scale=(factor, factor), flip=0)
    steps = np.array([50 / round(50 * factor), 60 / round(60 * factor)])
    grid = np.mgrid[:16, :16].transpose(1, 2, 0) * steps
    inner = np.s_[1:-1, 1:-1]
    offset = (out['img'] - grid)[inner]
    assert np.ptp(offset, axis=(0, 1)).max() < 0.07  # OpenCV interpolates in steps of 1/32


@pytest.mark.parametrize('factor', [0.5, 2])
@pytest.mark.parametrize('height', [24, 25])
def test_whole_image_agrees_with_cv2_resize(factor, height):
    """Odd sides too, where rounding makes the two axes' scales differ."""
    image = cv2.GaussianBlur(sample(height, 35)['img'], (0, 0), 2)
    size = round(height * factor), round(35 * factor)
    out = run(dict(img=image), crop_size=size, scale=(factor, factor), flip=0)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    gap = np.abs(out['img'].astype(int) - expected)[1:-1, 1:-1]
    assert gap.max() <= 2


def test_padding_does_not_bleed_into_the_image():
    """A white image stays white up to its border, at scales that interpolate there."""
    data = dict(img=np.full((5, 7, 3), 255, np.uint8))
    for seed in range(20):
        out = run(data, seed, crop_size=24, scale=(0.5, 3), flip=0.5)
        assert (out['img'][out['valid']] == 255).all() and (out['img'][~out['valid']] == 0).all()
        assert out['valid'].sum() == np.prod([round(n * out['scale_factor'][0]) for n in (5, 7)])


def test_labels_never_invent_ids():
    for seed in range(30):
        out = run(sample(20, 20, seed=seed), seed, crop_size=24, scale=(0.5, 2))
        assert set(np.unique(out['gt_seg_map'])) <= {0, 3, 7, 255}
        assert (out['gt_seg_map'][~out['valid']] == 255).all()


@pytest.mark.parametrize('channels', [1, 4, 12])
def test_channels_share_one_geometry(channels):
    data = sample(20, 26, channels)
    out = run(data, 5, crop_size=18, scale=(0.5, 2))
    assert out['img'].shape == (18, 18, channels)
    for k in range(channels):  # OpenCV interpolates many channels in steps of 1/32 pixel
        alone = run(dict(img=data['img'][..., k]), 5, crop_size=18, scale=(0.5, 2))
        np.testing.assert_allclose(out['img'][..., k], alone['img'].astype(int), atol=8)


@pytest.mark.parametrize('factor', [0.5, 1, 1.7, 2])
@pytest.mark.parametrize('center', [(0, 0), (19, 25), (7, 20), (10, 0)])
def test_centre_lies_inside_the_crop(factor, center):
    for seed in range(20):
        data = dict(img=coordinates(20, 26), center=center)
        out = run(data, seed, crop_size=6, scale=(factor, factor), flip=0.5)
        margin = 0.5 / factor + 0.05
        assert (out['img'].min((0, 1)) <= np.array(center) + margin).all()
        assert (out['img'].max((0, 1)) >= np.array(center) - margin).all()


def test_centre_may_lie_anywhere_inside_the_crop():
    """Scale 1, crop 3, centre (5, 6): the corner is any of 3..5 by 4..6."""
    corners = set()
    for seed in range(150):
        data = dict(img=coordinates(12, 12), center=(5, 6))
        out = run(data, seed, crop_size=3, scale=(1, 1), flip=0)
        corners.add(tuple(out['img'][0, 0].astype(int)))
    assert corners == {(y, x) for y in (3, 4, 5) for x in (4, 5, 6)}


def test_requested_crop_size_overrides_the_own():
    data = dict(sample(20, 20), crop_size=(6, 10))
    out = run(data, crop_size=16)
    assert out['img'].shape == (6, 10, 3) and out['img_shape'] == (6, 10)
    assert out['gt_seg_map'].shape == out['valid'].shape == (6, 10)
    assert run(dict(data, crop_size=None), crop_size=16)['img'].shape == (16, 16, 3)


def test_without_any_crop_size_it_says_where_to_set_one():
    with pytest.raises(UserError, match=r'train_dataloader.dataset.crop_size=\(h, w\)'):
        run(sample(20, 20))
    assert run(dict(sample(20, 20), crop_size=(6, 10)))['img'].shape == (6, 10, 3)


def test_factors_come_from_the_range_or_the_list():
    def factors(scale):
        data = dict(img=np.zeros((8, 8), np.uint8))
        return [run(data, s, crop_size=8, scale=scale)['scale_factor'][0] for s in range(60)]

    drawn = factors((0.5, 2.0))
    assert 0.5 <= min(drawn) < 0.7 and 1.8 < max(drawn) <= 2 and len(set(drawn)) == 60
    assert set(factors([0.5, 2.0])) == {0.5, 2.0}


def test_flip_follows_its_probability():
    data = dict(img=np.zeros((8, 8), np.uint8))
    for probability, low, high in ((0, 0, 0), (0.5, 15, 45), (1, 60, 60)):
        flips = sum(run(data, s, crop_size=8, flip=probability)['flip'] for s in range(60))
        assert low <= flips <= high


def test_same_seed_same_crop():
    one, two, other = (run(sample(20, 20), s, crop_size=12) for s in (4, 4, 5))
    np.testing.assert_array_equal(one['img'], two['img'])
    np.testing.assert_array_equal(one['gt_seg_map'], two['gt_seg_map'])
    assert (one['img'] != other['img']).any()


# ------------------------------------------------------------------ against resizing the whole


def place(out, size):
    """Where the crop's visible part lies in the image: its first and last row and column."""
    rows, columns = out['valid'].any(1), out['valid'].any(0)
    part = out['img'][rows][:, columns]
    low, high = part.min((0, 1)), part.max((0, 1))
    return [*(low / size), *(high / size), rows.mean(), columns.mean()]


def test_same_distribution_as_resizing_then_cropping():
    """mmseg's RandomResize, RandomCrop, RandomFlip and Pad, on an image of coordinates."""
    size, crop, count = (50, 70), (40, 40), 1500
    data = coordinates(*size)
    theirs = Compose(
        [
            dict(type='RandomResize', scale=size[::-1], ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type='RandomCrop', crop_size=crop),
            dict(type='Pad', size=crop, pad_val=dict(img=-1, seg=255)),
        ]
    )
    ours = ScaleCrop(crop_size=crop, scale=(0.5, 2.0), flip=0)
    places: dict[str, list] = dict(ours=[], theirs=[])
    for seed in range(count):
        for name, transform in (('ours', ours), ('theirs', theirs)):
            np.random.seed(seed)
            out = transform(dict(img=data.copy(), img_shape=size))
            if name == 'theirs':
                out['valid'] = (out['img'] >= 0).all(2)
            places[name].append(place(out, size))
    one, two = (np.sort(np.array(places[name]), axis=0) for name in ('ours', 'theirs'))
    for column in range(6):  # Kolmogorov-Smirnov: 0.05 % of equal distributions are further apart
        points = np.concatenate([one[:, column], two[:, column]])
        cdf = [np.searchsorted(s[:, column], points + 0.02, 'right') / count for s in (one, two)]
        cdf_low = [np.searchsorted(s[:, column], points - 0.02) / count for s in (one, two)]
        gap = np.maximum(cdf_low[0] - cdf[1], cdf_low[1] - cdf[0]).max()
        assert gap < 2.03 * np.sqrt(2 / count), column
    assert abs(one.mean(0) - two.mean(0)).max() < 0.02


@pytest.mark.parametrize('factor', [0.5, 0.71, 1.3, 2])
def test_pixels_agree_with_a_crop_of_the_resized_image(factor):
    """On a smooth image, within 8 of 255: the crop may begin between two resized pixels, and an
    enlarged one knows no pixels beyond its border.
    """
    image = cv2.GaussianBlur(sample(60, 80)['img'], (0, 0), 5)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    scaled = cv2.resize(image, (round(80 * factor), round(60 * factor)))
    step = np.array([60, 80]) / scaled.shape[:2]
    kwargs = dict(crop_size=20, scale=(factor, factor), flip=0)
    for seed in range(10):
        origin = run(dict(img=coordinates(60, 80)), seed, **kwargs)['img'][10, 10]
        top, left = (origin + 0.5) / step - 10.5
        expected = cv2.getRectSubPix(scaled, (20, 20), (left + 9.5, top + 9.5))
        gap = np.abs(run(dict(img=image), seed, **kwargs)['img'].astype(int) - expected)
        assert gap.max() <= 8 and gap.mean() < 2


# ------------------------------------------------------------------ decoding at less than the size


def jpeg(tmp_path, height=97, width=131):
    y, x = np.mgrid[:height, :width]
    image = np.stack([2 * y, x, 255 - x], 2).clip(0, 255).astype(np.uint8)
    path = str(tmp_path / 'smooth.jpg')
    cv2.imwrite(path, image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    return path


@pytest.mark.parametrize(
    ('factor', 'decoded'),
    [(1.0, (97, 131)), (0.51, (97, 131)), (0.5, (49, 66)), (0.25, (25, 33)), (0.1, (13, 17))],
)
def test_a_jpeg_is_decoded_at_what_the_scale_needs(factor, decoded, tmp_path):
    """The crop of it shows the same place, as image and as label, as that of the whole image."""
    path, label = jpeg(tmp_path), np.arange(97, dtype=np.uint8)[:, None].repeat(131, 1)
    draw = Compose([dict(type='DrawScale', scale=[factor]), dict(type='LoadImage')])
    loaded = draw(dict(img_path=path))
    assert loaded['img'].shape[:2] == decoded
    assert loaded['img_shape'] == loaded['ori_shape'] == (97, 131)
    whole = dict(img=cv2.imread(path), gt_seg_map=label)
    for seed in range(5):
        reduced = run(dict(loaded, gt_seg_map=label), seed, crop_size=9)
        full = run(whole, seed, crop_size=9, scale=[factor])  # a list of one draws nothing else
        np.testing.assert_array_equal(reduced['valid'], full['valid'])
        assert reduced['scale_factor'] == (factor, factor)
        gap = np.abs(reduced['img'].astype(int) - full['img'])[reduced['valid']]
        assert gap.max() <= 2 + 3 / factor  # neighbours of the crop are 2 / factor apart


def test_an_image_that_its_exif_turns_keeps_its_size(tmp_path):
    path = str(tmp_path / 'turned.jpg')
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(path, exif=exif)
    draw = Compose([dict(type='DrawScale', scale=[0.5]), dict(type='LoadImage')])
    assert draw(dict(img_path=path))['reduced'] == ((30, 20), (60, 40))
    assert LoadImage()(dict(img_path=path))['img'].shape == (60, 40, 3)


def test_only_colour_jpegs_are_decoded_smaller(tmp_path):
    path = str(tmp_path / 'a.png')
    cv2.imwrite(path, np.zeros((20, 30, 3), np.uint8))
    draw = Compose([dict(type='DrawScale', scale=[0.5]), dict(type='LoadImage')])
    assert draw(dict(img_path=path))['img'].shape == (20, 30, 3)
    gray = Compose(
        [dict(type='DrawScale', scale=[0.5]), dict(type='LoadImage', color_type='grayscale')]
    )
    assert gray(dict(img_path=jpeg(tmp_path)))['img'].shape[:2] == (97, 131)


def test_a_resize_in_between_is_what_counts(tmp_path):
    steps = [
        dict(type='DrawScale', scale=[0.5]),
        dict(type='LoadImage'),
        dict(type='Resize', scale=(60, 40)),
        dict(type='ScaleCrop', crop_size=20, flip=0),
    ]
    np.random.seed(0)
    out = Compose(steps)(dict(img_path=jpeg(tmp_path)))
    assert out['valid'].all() and out['scale_factor'] == (0.5, 0.5)  # 20x30 of it


def test_two_scales_are_one_too_many(tmp_path):
    steps = [dict(type='DrawScale'), dict(type='LoadImage'), dict(type='ScaleCrop', scale=(1, 2))]
    with pytest.raises(UserError, match='both have scale'):
        Compose(steps)(dict(img_path=jpeg(tmp_path), crop_size=9))
