"""Thresholds by hand, and that applying them leaves the share they promise."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from semiseg_mm.datasets.mask_reading import MaskLoader
from semiseg_mm.datasets.transforms.confidence import is_kept, read_thresholds
from semiseg_mm.engine.stages.quota import kept_pixels, like_labeled, per_class
from semiseg_mm.errors import UserError


def histogram(*classes: dict[int, int]) -> np.ndarray:
    table = np.zeros((len(classes), 256), np.int64)
    for row, counts in zip(table, classes):
        row[list(counts)] = list(counts.values())
    return table


# class 0: 10 sure pixels, 30 less so; class 1: 6 and 2; class 2 was never predicted
COUNTS = histogram({250: 10, 100: 30}, {255: 6, 200: 2}, {})


def test_a_share_of_each_class_by_hand():
    """Half of 40 are the 10 at 250 and 10 of the 30 at 100; half of 8 are 4 of the 6 at 255."""
    assert per_class(COUNTS, 0.5) == {
        '0': dict(bin=100, share=round(1 / 3, 6)),
        '1': dict(bin=255, share=round(2 / 3, 6)),
        '2': dict(bin=255, share=0.0),
    }


def test_a_threshold_between_two_bins_takes_the_upper_one_whole():
    assert per_class(COUNTS, 0.25)['0'] == dict(bin=250, share=1.0)


def test_label_maps_are_those_before_the_crop():
    images = SimpleNamespace(pipeline=SimpleNamespace(transforms=[]))
    with pytest.raises(UserError, match=r"no dict\(type='ScaleCrop'\).* quotas with balance='lab"):
        MaskLoader(images, 3)


def test_all_of_each_class():
    assert kept_pixels(COUNTS, per_class(COUNTS, 1.0)).tolist() == [40, 8, 0]


def test_the_classes_of_the_labeled_images_by_hand():
    """Of 48 pixels 24 shall be kept, as 3 : 1 : 0 that is 18 and 6.

    18 of class 0 are 10 at 250 and 8 of 30; the 6 of class 1 are those at 255.
    """
    found = like_labeled(COUNTS, 0.5, np.array([300, 100, 0]))
    assert found == {
        '0': dict(bin=100, share=round(8 / 30, 6)),
        '1': dict(bin=255, share=1.0),
        '2': dict(bin=255, share=0.0),
    }
    assert kept_pixels(COUNTS, found) == pytest.approx([18, 6, 0], abs=1e-4)


def test_a_class_with_too_few_pixels_gives_all_it_has():
    """1 : 1 : 2 of 24 would be 6, 6, 12, but class 2 has none; the others do not make up for it."""
    found = like_labeled(COUNTS, 0.5, np.array([1, 1, 2]))
    assert kept_pixels(COUNTS, found) == pytest.approx([6, 6, 0], abs=1e-4)
    found = like_labeled(COUNTS, 1.0, np.array([1, 3, 0]))  # 36 of class 1 wanted
    assert found['1'] == dict(bin=200, share=1.0)


def test_a_class_that_labeled_images_lack_is_dropped():
    assert kept_pixels(COUNTS, like_labeled(COUNTS, 0.5, np.array([0, 1, 0])))[0] == 0


def test_what_cannot_be_a_quota():
    for share in (0, -0.1, 1.01):
        with pytest.raises(UserError, match='no share of the pixels'):
            per_class(COUNTS, share)
    with pytest.raises(UserError, match='no class histogram'):
        like_labeled(COUNTS, 0.5, np.zeros(3))


@pytest.mark.parametrize('share', [0.1, 0.4, 0.65])
def test_applied_to_the_maps_the_share_is_kept(tmp_path, share):
    """Through the file, on random maps with many ties: half the pixels are quite sure."""
    rng = np.random.default_rng(0)
    label = rng.choice(np.uint8([0, 1, 2, 255]), (400, 300), p=[0.6, 0.2, 0.1, 0.1])
    confidence = np.maximum(rng.integers(0, 256, (400, 300)), rng.choice([0, 255], (400, 300)))
    confidence = confidence.astype(np.uint8)
    counts = np.stack([np.bincount(confidence[label == k], minlength=256) for k in range(3)])
    labeled = np.array([50, 30, 20])
    for thresholds in (per_class(counts, share), like_labeled(counts, share, labeled)):
        (tmp_path / 'thresholds.json').write_text(json.dumps(thresholds))
        bins, shares = read_thresholds(str(tmp_path / 'thresholds.json'))
        kept = is_kept(label, confidence, bins, shares)
        found = np.bincount(label[kept], minlength=256)[:3]
        expected = kept_pixels(counts, thresholds)
        assert found == pytest.approx(expected, abs=4 * np.sqrt(expected.max()))
        (tmp_path / 'thresholds.json').unlink()
