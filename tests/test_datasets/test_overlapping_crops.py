"""Two crops of an image that overlap: where they lie, and that a request decides it."""

import numpy as np
import pytest

from semiseg_mm.datasets.samplers import SourceRatioSampler
from semiseg_mm.datasets.semi_dataset import SemiDataset
from semiseg_mm.datasets.transforms.overlapping import shared_area
from semiseg_mm.errors import UserError

CROP = (32, 48)
PIPELINE = [
    dict(type='LoadShapes'),
    dict(type='ScaleCrop', crop_size=CROP, scale=(0.6, 1.8)),
    dict(type='MultiView', views=dict(weak=[])),
    dict(type='PackSemiInputs'),
]


def dataset(size: tuple[int, int] = (64, 80)) -> SemiDataset:
    scenes = dict(type='ShapesDataset', size=size)
    labeled = dict(scenes, num_images=4, pipeline=[*PIPELINE[:2], PIPELINE[3]])
    unlabeled = dict(scenes, start=100, num_images=9, with_labels=False, pipeline=PIPELINE)
    return SemiDataset(labeled, unlabeled)


def sampler(data: SemiDataset, **options) -> SourceRatioSampler:
    options = dict(dict(crops=2, overlap=(0.2, 0.9), stride=4), **options)
    return SourceRatioSampler(data, labeled=2, unlabeled=4, seed=5, **options)


def pairs(data: SemiDataset, stream: SourceRatioSampler, batches: int):
    """Yield the two crops of each image."""
    for start in range(0, 6 * batches, 6):
        for place in (2, 4):
            yield [data[stream.at(start + place + k)]['weak'] for k in (0, 1)]


def picture(sample: dict) -> np.ndarray:
    image = sample['inputs'].numpy().astype(float)
    return image[..., ::-1] if sample['data_samples'].flip else image


def test_both_crops_show_the_same_where_they_overlap():
    """Up to half a pixel of the image: near to equal on average, and far from it elsewhere."""
    data, near, far, found = dataset(), [], [], set()
    for one, other in pairs(data, sampler(data), 8):
        (y, x), (height, width) = one['data_samples'].crop_offset, CROP
        assert (y, x) == other['data_samples'].crop_offset and y % 4 == x % 4 == 0
        first, second = picture(one), picture(other)
        first = first[:, max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)]
        second = second[:, max(0, -y) : height + min(0, -y), max(0, -x) : width + min(0, -x)]
        near.append(np.abs(first - second).mean())
        if (y, x) != (0, 0):
            assert 0.2 <= shared_area(CROP, (y, x)) <= 0.9
            far.append(np.abs(picture(one) - picture(other)).mean())
        found.add((y, x))
        names = [sample['data_samples'].img_path for sample in (one, other)]
        assert names[0] == names[1]
    assert np.mean(near) < np.mean(far) / 3 and len(found) > 7
    assert {y > 0 for y, _ in found} == {x > 0 for _, x in found} == {True, False}


def test_flips_and_colours_are_each_crops_own():
    data = dataset()
    flips = [[s['data_samples'].flip for s in both] for both in pairs(data, sampler(data), 6)]
    assert {tuple(both) for both in flips} == {(a, b) for a in (True, False) for b in (True, False)}


def test_where_nothing_fits_both_lie_at_one_place():
    """A small image has no room; and a share of 1 asks for one place."""
    small, large = dataset((20, 20)), dataset()
    for both in pairs(small, sampler(small), 2):
        assert [s['data_samples'].crop_offset for s in both] == [(0, 0)] * 2
    for both in pairs(large, sampler(large, overlap=(1.0, 1.0)), 2):
        assert [s['data_samples'].crop_offset for s in both] == [(0, 0)] * 2


def test_the_shared_area_by_hand():
    """4 x 4, one column apart: 12 of 20."""
    assert shared_area((4, 4), (0, 1)) == shared_area((4, 4), (0, -1)) == 12 / 20
    assert shared_area((4, 4), (4, 1)) == shared_area((4, 4), (9, 9)) == 0


def test_a_request_decides_it_whatever_came_before():
    data = dataset()
    stream = sampler(data)
    request = stream.at(8)
    first = data[request]['weak']
    data[stream.at(3)]
    again = data[request]['weak']
    assert first['data_samples'].crop_offset == again['data_samples'].crop_offset
    assert first['inputs'].equal(again['inputs'])
    assert request.overlap._replace(number=1) == stream.at(9).overlap
    assert stream.at(8).overlap.seed != stream.at(10).overlap.seed
    assert stream.at(0).overlap is None and 'crop_offset' not in data[stream.at(0)]['labeled']


def test_without_overlap_requests_are_what_they_were():
    data = dataset()
    plain, other = sampler(data, overlap=None), sampler(data)
    assert [plain.at(k) for k in range(12)] == [
        other.at(k)._replace(overlap=None) for k in range(12)
    ]
    assert plain.identity() == dict(crops=2)
    assert other.identity() == dict(crops=2, overlap=[0.2, 0.9], stride=4)


@pytest.mark.parametrize(
    ('options', 'advice'),
    [
        (dict(crops=1), r'crops=1: two crops overlap\. Set crops=2'),
        (dict(overlap=(0.5, 2)), r'overlap=\(0.5, 2\) .* at most 1'),
        (dict(stride=0), 'stride=0 '),
    ],
)
def test_what_cannot_be_meant_is_refused(options, advice):
    with pytest.raises(UserError, match=advice):
        sampler(dataset(), **options)
