import torch

from semiseg_mm.models import ChannelDropout, ComplementaryDropout

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
