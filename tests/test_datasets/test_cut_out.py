import numpy as np
import pytest

from semiseg_mm.datasets.transforms import CutOut

SHAPES = [(20, 30), (20, 30, 1), (20, 30, 3), (20, 30, 4), (20, 30, 12)]


def sample(shape):
    size = shape[:2]
    label, valid = np.zeros(size, np.uint8), np.ones(size, bool)
    image = np.zeros(shape, np.uint8)
    return dict(img=image, gt_seg_map=label, seg_fields=['gt_seg_map'], valid=valid)


@pytest.mark.parametrize('shape', SHAPES)
def test_one_box_is_cut_out_of_image_label_and_valid_alike(shape):
    for seed in range(20):
        np.random.seed(seed)
        given = sample(shape)
        out = CutOut(prob=1, fill=9).transform(dict(given))
        hit = out['img'].reshape(20, 30, -1).max(2) == 9
        np.testing.assert_array_equal(hit, out['gt_seg_map'] == 255)
        np.testing.assert_array_equal(hit, ~out['valid'])
        rows, columns = np.flatnonzero(hit.any(1)), np.flatnonzero(hit.any(0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert hit.sum() == height * width  # a box
        assert 0.01 < height * width / 600 < 0.45
        assert given['img'].max() == 0 and given['valid'].all()  # other views still need them


def test_noise_by_default_and_no_box_at_probability_0():
    np.random.seed(0)
    out = CutOut(prob=1).transform(sample((40, 40, 3)))
    assert len(np.unique(out['img'][~out['valid']])) > 50 and out['img'][out['valid']].max() == 0
    out = CutOut(prob=0).transform(sample((40, 40, 3)))
    assert out['img'].max() == 0 and out['valid'].all()


def test_a_ratio_is_height_over_width():
    """As in ST."""
    cut = CutOut(prob=1, area=(0.1, 0.1), ratio=(3, 3), fill=1)
    inside = ~cut.transform(sample((100, 100)))['valid']
    assert inside.any(1).sum() == 54 and inside.any(0).sum() == 18


def test_a_box_that_cannot_fit_is_squeezed():
    np.random.seed(0)
    out = CutOut(prob=1, area=(0.9, 0.9), ratio=(4, 4), fill=1).transform(sample((10, 10)))
    assert out['img'].any(1).all() and (out['img'].sum(1) == 4).all()
