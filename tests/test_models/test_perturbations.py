import numpy as np
import pytest
import torch

from semiseg_mm.datasets.transforms import strong
from semiseg_mm.models import BatchColours, ChannelDropout, ComplementaryDropout
from semiseg_mm.models.perturbations import batch_colours

PARTS = dict(labeled=slice(0, 2), weak=slice(2, 5))


def levels(batch, *channels):
    return [torch.arange(1.0, 1 + batch * c * 4).view(batch, c, 2, 2) for c in channels]


def test_dropped_features_follow_the_clean_ones():
    features = levels(5, 4, 6)
    both, parts = ChannelDropout(0.5)(features, PARTS)
    assert parts == {**PARTS, 'weak_dropped': slice(7, 10)}
    for clean, out in zip(features, both, strict=True):
        assert torch.equal(out[:5], clean) and out.shape[0] == 10
        scale = out[5:] / clean  # whole channels are 0 or doubled
        assert torch.equal(scale, scale[:, :, :1, :1].expand_as(scale))
        assert set(scale.flatten().tolist()) <= {0.0, 2.0}


def test_forwards_without_the_view_are_left_alone():
    features = levels(2, 3)
    for perturbation in (ChannelDropout(), ComplementaryDropout()):
        out, parts = perturbation(features, dict(labeled=slice(0, 2)))
        assert parts == dict(labeled=slice(0, 2)) and torch.equal(out[0], features[0])


def test_two_views_see_complementary_channels():
    """Labeled images stay; of 4 pairs 2 are left alone, in the others each channel has one home."""
    parts = dict(labeled=slice(0, 1), strong1=slice(1, 5), strong2=slice(5, 9))
    torch.manual_seed(0)
    features = levels(9, 8, 8, 5)
    out, found = ComplementaryDropout()(features, parts)
    assert found == parts
    scales = [new / old for new, old in zip(out, features, strict=True)]
    for scale in scales:
        assert torch.equal(scale, scale[:, :, :1, :1].expand_as(scale))
        assert (scale[0] == 1).all()
        first, second = scale[1:5, :, 0, 0], scale[5:9, :, 0, 0]
        torch.testing.assert_close(first + second, torch.full_like(first, 2))
        untouched = (first == 1).all(1)
        assert untouched.sum() == 2 and ((first == 0) | (first == 2))[~untouched].all()
    assert torch.equal(scales[0], scales[1])  # levels of equal width share a mask
    assert len({(s[1:5, :, 0, 0] == 1).all(1).nonzero().flatten().tolist()[0] for s in scales}) == 1


def test_all_images_may_be_perturbed():
    parts = dict(strong1=slice(0, 3), strong2=slice(3, 6))
    (out,), _ = ComplementaryDropout(clean=0.0)(levels(6, 4), parts)
    assert not (out[:3] == levels(6, 4)[0][:3]).all((1, 2, 3)).any()


# ------------------------------------------------------------------ colours of a batch

NOTHING = dict(jitter_prob=0, gray_prob=0, blur_prob=0)
PHOTO = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ('name', 'amount', 'expected'),
    [
        ('brightness', 1.4, lambda image: strong.blend(image, 0.0, 1.4)),
        ('contrast', 0.6, lambda image: strong.blend(image, strong.gray_mean(image), 0.6)),
        ('saturation', 1.3, lambda image: strong.saturate(image, 1.3)),
        ('hue', 0.2, lambda image: strong.shift_hue(image, 0.2)),
        ('blur', 1.2, lambda image: strong.blur(image, 1.2)),
    ],
)
def test_colours_of_a_batch_change_as_those_of_an_image(name, amount, expected):
    """As StrongView does it with OpenCV on bytes, up to their rounding (of hues: 256 of them)."""
    image = (PHOTO[0] * 255).byte().permute(1, 2, 0).numpy()[..., ::-1]  # BGR
    wanted = expected(np.ascontiguousarray(image))[..., ::-1].astype(np.float32)
    images, amount = (PHOTO * 255).byte().float() / 255, torch.full((1, 1, 1, 1), amount)
    if name == 'blur':
        found = batch_colours.blur(images, amount, 2.0)
    else:
        found = batch_colours.OPERATIONS[name](images, amount)
    off = (255 * found[0].permute(1, 2, 0) - torch.from_numpy(wanted.copy())).abs()
    assert off.max() < (6.0 if name == 'hue' else 1.6) and off.mean() < 1
    assert np.abs(wanted - image[..., ::-1]).mean() > 3  # it does change something


def test_parts_are_applied_as_often_as_told_to_each_image():
    images = PHOTO.expand(200, -1, -1, -1)
    assert torch.equal(BatchColours(**NOTHING)(images), images)
    gray = BatchColours(**{**NOTHING, 'gray_prob': 0.3})(images)
    same = (gray == images).flatten(1).all(1)
    assert 0.55 < same.float().mean() < 0.85 and (gray[~same].std(1) < 1e-6).all()
    for name in ('jitter_prob', 'blur_prob'):
        found = BatchColours(**{**NOTHING, name: 0.5})(images)
        same = (found == images).flatten(1).all(1)
        assert 0.35 < same.float().mean() < 0.65
        assert len(torch.unique(found[~same], dim=0)) == (~same).sum()  # each its own


def test_images_that_are_no_rgb_get_brightness_contrast_and_blur():
    images = torch.rand(2, 4, 3, 20)  # and are no higher than half of a kernel
    found = BatchColours(jitter_prob=1, blur_prob=1, gray_prob=1)(images)
    assert found.shape == images.shape and found.isfinite().all()
    assert (found != images).any()
