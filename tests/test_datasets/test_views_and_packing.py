import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from semiseg_mm.datasets import CheckLabels, MultiView, PackSemiInputs, collate_views
from semiseg_mm.errors import UserError


def sample(height=20, width=26):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return dict(img=image, img_path='a.jpg', img_shape=(height, width), ori_shape=(height, width))


def spoil(results):
    results['img'][:] = 0
    results['meta']['spoiled'] = True
    return results


def test_views_share_the_geometry_before_them():
    """Whatever is drawn, unchanged views are the same crop, with the same valid mask."""
    crop = dict(type='ScaleCrop', crop_size=16)
    pipeline = Compose([crop, MultiView(views=dict(weak=[], strong=[], third=[]))])
    crops = set()
    for seed in range(8):
        np.random.seed(seed)
        views = pipeline(sample())['views']
        for view in views.values():
            np.testing.assert_array_equal(view['img'], views['weak']['img'])
            np.testing.assert_array_equal(view['valid'], views['weak']['valid'])
        crops.add(views['weak']['img'].tobytes())
    assert len(crops) == 8


@pytest.mark.parametrize('order', [('weak', 'strong'), ('strong', 'weak')])
def test_what_one_view_does_in_place_reaches_no_other(order):
    pipelines = dict(weak=[], strong=[spoil])
    data = dict(sample(), meta=dict(spoiled=False))
    views = MultiView({name: pipelines[name] for name in order}).transform(data)['views']
    np.testing.assert_array_equal(views['weak']['img'], sample()['img'])
    assert not views['weak']['meta']['spoiled'] and views['strong']['meta']['spoiled']
    assert not views['strong']['img'].any()


def test_two_strong_views_draw_their_own_changes():
    strong = [dict(type='StrongView', jitter_prob=1)]
    np.random.seed(0)
    views = MultiView(dict(one=strong, two=strong)).transform(sample())['views']
    assert (views['one']['img'] != views['two']['img']).mean() > 0.5


@pytest.mark.parametrize(
    'geometric',
    [
        dict(type='ScaleCrop', crop_size=12),
        dict(type='RandomFlip', prob=1.0),
        dict(type='ScaleCrop', crop_size=(20, 26)),
    ],
    ids=['smaller', 'flip', 'other-crop-of-the-same-size'],
)
def test_geometry_inside_a_view_is_refused(geometric):
    """Labels of the weak view would be learned at other places, silently."""
    np.random.seed(0)
    with pytest.raises(UserError, match=r"View 'strong'.*before MultiView"):
        MultiView(dict(weak=[], strong=[geometric])).transform(sample())


def test_packing_a_labeled_sample():
    data = dict(sample(), gt_seg_map=np.full((20, 26), 2, np.uint8), seg_fields=['gt_seg_map'])
    data['valid'] = np.zeros((20, 26), bool)
    data['valid'][:5] = True
    packed = PackSemiInputs().transform(data)
    assert set(packed) == {'labeled'}
    inputs, sample_ = packed['labeled']['inputs'], packed['labeled']['data_samples']
    np.testing.assert_array_equal(inputs.numpy(), data['img'].transpose(2, 0, 1))
    assert (sample_.gt_sem_seg.data == 2).all() and sample_.gt_sem_seg.shape == (20, 26)
    assert sample_.valid.data.dtype == torch.bool and sample_.valid.data.shape == (1, 20, 26)
    assert sample_.valid.data[0, :5].all() and not sample_.valid.data[0, 5:].any()
    assert sample_.metainfo['img_path'] == 'a.jpg'


def test_packing_without_padding_has_all_pixels_valid():
    packed = PackSemiInputs(view='extra', meta_keys=('ori_shape',)).transform(sample())
    assert set(packed) == {'extra'}
    assert packed['extra']['data_samples'].valid.data.all()
    assert packed['extra']['data_samples'].metainfo == dict(ori_shape=(20, 26))


def test_packing_all_views_each_with_its_pixels():
    data = dict(sample(), meta=dict())
    views = MultiView(dict(weak=[], strong=[spoil])).transform(data)
    packed = PackSemiInputs().transform(views)
    assert set(packed) == {'weak', 'strong'}
    assert packed['weak']['inputs'].any() and not packed['strong']['inputs'].any()
    assert all('gt_sem_seg' not in p['data_samples'] for p in packed.values())


def test_collate_sorts_samples_by_view_in_batch_order():
    def view(number):
        return dict(inputs=torch.full((1,), number), data_samples=f'sample {number}')

    batch = [dict(labeled=view(0)), dict(weak=view(1), strong=view(2)), dict(labeled=view(3))]
    batch.append(dict(weak=view(4), strong=view(5)))
    collated = collate_views(batch)
    numbers = {name: x.flatten().tolist() for name, x in collated['inputs'].items()}
    assert numbers == dict(labeled=[0, 3], weak=[1, 4], strong=[2, 5])
    assert collated['data_samples'] == {
        name: [f'sample {n}' for n in ns] for name, ns in numbers.items()
    }


def check(mask, image=(2, 2, 3), ignore_index=255, classes=3):
    results = dict(
        img=np.zeros(image, np.uint8),
        gt_seg_map=np.array(mask, np.uint8),
        img_path='images/a.jpg',
        seg_map_path='masks/a.png',
        num_classes=classes,
    )
    return CheckLabels(ignore_index).transform(results)


def test_good_labels_pass_unchanged():
    mask = [[0, 1], [2, 255]]
    assert check(mask)['gt_seg_map'].tolist() == mask


def test_a_label_beyond_the_classes_is_refused_with_its_file():
    with pytest.raises(UserError, match=r'masks/a.png holds the labels 3, 254, .* \(0 to 2\)'):
        check([[0, 3], [254, 255]])


def test_labels_that_count_from_1_have_a_remedy():
    with pytest.raises(UserError, match='numbered from 1, set reduce_zero_label=True'):
        check([[1, 3], [2, 255]])
    with pytest.raises(UserError) as refused:
        check([[0, 3], [2, 255]])
    assert 'reduce_zero_label' not in str(refused.value)


@pytest.mark.parametrize('label', [3, 254])
def test_a_single_pixel_is_enough(label):
    with pytest.raises(UserError, match=f'holds the label {label}, '):
        check([[0, 0], [label, 255]])


def test_another_ignored_label_replaces_255():
    assert check([[0, 9], [1, 2]], ignore_index=9)
    with pytest.raises(UserError, match='holds the label 255, '):
        check([[0, 255], [1, 2]], ignore_index=9)


@pytest.mark.parametrize(
    ('mask', 'size'),
    [([[0, 1]], '1x2'), ([[0, 1, 1], [0, 0, 0]], '2x3')],
)
def test_mask_of_another_size_is_refused_with_both_files(mask, size):
    with pytest.raises(UserError, match=rf'masks/a.png is {size} but .*images/a.jpg is 2x2x3'):
        check(mask)


def test_a_mask_of_colours_is_called_so():
    with pytest.raises(UserError, match=r'masks/a.png is a mask of colours \(2x2x3\).*mm new'):
        check([[[0] * 3] * 2] * 2)


def test_packed_types_are_mmsegs():
    packed = PackSemiInputs().transform(sample())['labeled']['data_samples']
    assert isinstance(packed, SegDataSample) and isinstance(packed.valid, PixelData)
