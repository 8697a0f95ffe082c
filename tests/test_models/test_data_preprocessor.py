import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample

from semiseg_mm.datasets import collate_views
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS

MEAN, STD = [10.0, 20.0, 30.0], [2.0, 4.0, 5.0]
NETWORK = dict(type='SegDataPreProcessor', mean=MEAN, std=STD, bgr_to_rgb=True, seg_pad_val=255)


def build(**network):
    return MODELS.build(dict(type='SemiDataPreprocessor', network=dict(NETWORK, **network)))


def view(count, height, width, label=False, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = (3, height, width)
    images = [torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)] * count
    samples = []
    for _ in range(count):
        sample = SegDataSample(metainfo=dict(img_shape=size[1:], ori_shape=size[1:]))
        sample.valid = PixelData(data=torch.ones(1, height, width, dtype=torch.bool))
        if label:
            sample.gt_sem_seg = PixelData(data=torch.ones(1, height, width, dtype=torch.long))
        samples.append(sample)
    return images, samples


def batch(**views):
    inputs = {name: images for name, (images, _) in views.items()}
    return dict(inputs=inputs, data_samples={name: samples for name, (_, samples) in views.items()})


@pytest.mark.parametrize('network', [dict(size=(64, 64)), dict(size_divisor=None), dict()])
def test_small_crops_are_not_padded_to_the_networks_size(network):
    """Coarse crops exist to be cheap: 32 stays 32 though the network says 64."""
    out = build(**network)(batch(labeled=view(2, 32, 32, True), weak=view(3, 24, 40)), True)
    assert out['inputs']['labeled'].shape == (2, 3, 32, 32)
    assert out['inputs']['weak'].shape == (3, 3, 24, 40)
    assert out['data_samples']['labeled'][0].gt_sem_seg.shape == (32, 32)
    assert all(s.valid.data.all() for s in out['data_samples']['weak'])


@pytest.mark.parametrize('size', [None, (64, 64)])
def test_divisor_pads_and_the_padding_is_not_valid(size):
    """10 x 13 becomes 16 x 16; the label there is ignored, the image is 0 after normalising."""
    network = dict(size_divisor=16) if size is None else dict(size_divisor=16, size=size)
    out = build(**network)(batch(labeled=view(2, 10, 13, True), weak=view(2, 10, 13)), True)
    for name, images in out['inputs'].items():
        assert images.shape == (2, 3, 16, 16)
        assert not images[:, :, 10:].any() and not images[..., 13:].any()
        for sample in out['data_samples'][name]:
            valid = sample.valid.data
            assert valid.shape == (1, 16, 16) and valid.dtype == torch.bool
            assert valid[0, :10, :13].all() and valid.sum() == 10 * 13
    label = out['data_samples']['labeled'][0].gt_sem_seg.data
    assert (label[0, :10, :13] == 1).all() and (label == 255).sum() == 256 - 130


def test_padding_that_was_there_before_stays_invalid():
    data = batch(weak=view(1, 10, 10))
    data['data_samples']['weak'][0].valid.data[:, 6:] = False
    out = build(size_divisor=16)(data, True)['data_samples']['weak'][0]
    assert out.valid.data.sum() == 6 * 10 and out.valid.data[0, :6, :10].all()


def test_unequal_shapes_are_refused_with_the_views_name():
    images, samples = view(1, 8, 8)
    other = view(1, 8, 9)
    uneven = images + other[0], samples + other[1]
    with pytest.raises(UserError, match=r"view 'weak' differ.*\(3, 8, 8\), \(3, 8, 9\).*ScaleCrop"):
        build()(batch(labeled=view(2, 8, 8), weak=uneven), True)


def test_one_pixel_by_hand():
    """BGR (30, 28, 14) is RGB (14, 28, 30); minus (10, 20, 30), over (2, 4, 5): (2, 2, 0)."""
    data = batch(labeled=view(1, 2, 2, True))
    data['inputs']['labeled'] = [torch.tensor([30, 28, 14], dtype=torch.uint8).view(3, 1, 1)]
    out = build()(data, True)['inputs']['labeled']
    assert out.flatten().tolist() == [2.0, 2.0, 0.0] and out.dtype == torch.float32


def test_each_view_is_normalised_alone_and_in_order():
    one, two = view(1, 4, 4, seed=1), view(1, 4, 4, seed=2)
    both = one[0] + two[0], one[1] + two[1]
    out = build()(batch(weak=both, strong=two), True)['inputs']
    assert torch.equal(out['weak'][1], out['strong'][0])
    assert not torch.equal(out['weak'][0], out['weak'][1])


@pytest.mark.parametrize('network', [dict(), dict(size=(64, 64), test_cfg=dict(size_divisor=16))])
def test_validation_is_mmsegs_own(network):
    images, samples = view(2, 20, 24)
    data = dict(inputs=images, data_samples=samples)
    expected = MODELS.build(dict(NETWORK, **network))(copy.deepcopy(data), False)
    out = build(**network)(copy.deepcopy(data), False)
    assert torch.equal(out['inputs'], expected['inputs'])
    for one, two in zip(out['data_samples'], expected['data_samples'], strict=True):
        assert one.metainfo == two.metainfo


def test_a_batch_without_views_is_treated_as_mmseg_does():
    """Even in training: such a batch is not ours."""
    images, samples = view(2, 20, 24)
    out = build(size=(64, 64))(dict(inputs=images, data_samples=samples), True)
    assert out['inputs'].shape == (2, 3, 64, 64)


def test_the_networks_config_is_left_alone():
    """The same dictionary is used for every network of a method."""
    network = dict(NETWORK, size=(64, 64))
    before = copy.deepcopy(network)
    MODELS.build(dict(type='SemiDataPreprocessor', network=network))
    assert network == before


def test_without_a_config_images_become_floats():
    plain = MODELS.build(dict(type='SemiDataPreprocessor'))
    images, samples = view(1, 4, 4)
    out = plain(batch(weak=(images, samples)), True)['inputs']['weak']
    assert torch.equal(out[0], images[0].float())


@MODELS.register_module()
class Brighter(SegDataPreProcessor):
    """Stands for a preprocessor that somebody else wrote."""

    def forward(self, data, training=False):
        data = super().forward(data, training)
        data['inputs'] = data['inputs'] + 1
        return data


@pytest.mark.parametrize('kind', ['SegDataPreProcessor', 'Brighter'])
@pytest.mark.parametrize('divisor', [None, 16])
def test_it_gives_what_the_networks_own_gives_for_each_view(kind, divisor):
    """As the loader collates it: stacked images, labels of 8 bits."""
    network = dict(type=kind, size_divisor=divisor)
    views = dict(labeled=view(2, 10, 13, True), weak=view(2, 10, 13), strong=view(1, 8, 8, seed=3))
    data = batch(**views)
    for sample in data['data_samples']['labeled']:
        sample.gt_sem_seg.data = sample.gt_sem_seg.data.byte()
    own = MODELS.build(dict(NETWORK, **network, **({} if divisor else dict(size=(1, 1)))))
    packed = [
        {name: dict(inputs=image, data_samples=sample)}
        for name, (images, samples) in copy.deepcopy(views).items()
        for image, sample in zip(images, samples, strict=True)
    ]
    found = build(**network)(collate_views(packed), True)
    assert list(found['inputs']) == list(views)
    for name, (images, samples) in views.items():
        expected = own(dict(inputs=images, data_samples=copy.deepcopy(samples)), True)
        assert torch.equal(found['inputs'][name], expected['inputs'])
        for one, two in zip(found['data_samples'][name], expected['data_samples'], strict=True):
            assert ('gt_sem_seg' in one) == ('gt_sem_seg' in two) == (name == 'labeled')
            if name == 'labeled':
                assert torch.equal(one.gt_sem_seg.data, two.gt_sem_seg.data)
                assert one.gt_sem_seg.data.dtype == torch.long
                assert one.pad_shape == two.pad_shape
            assert tuple(one.img_shape) == tuple(two.img_shape)


def test_a_batch_is_left_as_it_was():
    """Hooks look at it after the step."""
    data = batch(labeled=view(2, 10, 13, True))
    before = copy.deepcopy(data)
    build(size_divisor=16)(data, True)
    for one, two in zip(
        data['data_samples']['labeled'], before['data_samples']['labeled'], strict=True
    ):
        assert one.metainfo == two.metainfo and set(one.keys()) == set(two.keys())
        assert torch.equal(one.gt_sem_seg.data, two.gt_sem_seg.data)


@pytest.mark.parametrize('rgb', [True, False])
def test_colours_are_changed_without_the_normalisation(rgb):
    """What changes them sees RGB from 0 to 1; red becomes half as bright, and nothing else."""
    made, shown = build(bgr_to_rgb=rgb), []
    images, samples = view(2, 3, 4)
    inputs = made(batch(strong=(images, samples)), True)['inputs']['strong']

    def colours(x):
        shown.append(x)
        return x * torch.tensor([0.5, 1, 1]).view(1, 3, 1, 1)

    found = made.recoloured(inputs, colours)
    bgr = images[0].float()
    torch.testing.assert_close(shown[0][0], bgr.flip(0) / 255)
    halved = bgr * torch.tensor([1, 1, 0.5]).view(3, 1, 1)
    expected = halved.flip(0) if rgb else halved
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(found[0], (expected - mean) / std)
