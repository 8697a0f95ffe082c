import numpy as np
import pytest

from semiseg_mm.datasets import LoadShapes, ShapesDataset
from semiseg_mm.datasets.shapes import CLASSES, render
from semiseg_mm.errors import UserError


def build(**kwargs):
    return ShapesDataset(size=(32, 40), serialize_data=False, pipeline=[], **kwargs)


def scene(dataset, index):
    return LoadShapes().transform(dataset.get_data_info(index))


def test_a_scene_is_a_function_of_its_number_and_seed():
    np.random.seed(1)
    image, mask = render(7, (32, 40))
    np.random.seed(2)
    render(8, (32, 40))
    again, mask_again = render(7, (32, 40))
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(mask, mask_again)
    assert image.shape == (32, 40, 3) and mask.shape == (32, 40)
    assert image.dtype == mask.dtype == np.uint8
    assert (render(8, (32, 40))[0] != image).any() and (render(7, (32, 40), 1)[0] != image).any()


def test_every_class_appears_and_no_other():
    seen = set()
    for index in range(60):
        seen |= set(np.unique(render(index, (32, 40))[1]).tolist())
    assert seen == set(range(len(CLASSES)))


def test_the_same_id_is_the_same_scene_in_every_dataset():
    some, ids = build(start=5, num_images=3), build(ids=[9, 6], with_labels=False)
    np.testing.assert_array_equal(scene(some, 1)['img'], scene(ids, 1)['img'])
    assert some.get_data_info(1)['img_path'] == ids.get_data_info(1)['img_path']


def test_train_and_val_scenes_differ():
    one, other = (scene(build(split=split, num_images=3), 0) for split in ('train', 'val'))
    assert (one['img'] != other['img']).any() and one['img_path'] != other['img_path']


def test_an_unlabeled_part_hands_out_no_mask():
    labeled, unlabeled = (scene(build(num_images=3, with_labels=k), 0) for k in (True, False))
    assert 'gt_seg_map' in labeled and labeled['seg_fields'] == ['gt_seg_map']
    assert 'gt_seg_map' not in unlabeled and unlabeled['seg_fields'] == []


def test_fewer_classes_keep_their_pixels_and_the_rest_is_ignored():
    """Only the classes 1 and 2: 1 -> 0, 2 -> 1, all others 255."""
    full, part = build(num_images=8), build(num_images=8, metainfo=dict(classes=CLASSES[1:3]))
    for index in range(8):
        before, after = (scene(d, index)['gt_seg_map'] for d in (full, part))
        np.testing.assert_array_equal(after == 0, before == 1)
        np.testing.assert_array_equal(after == 1, before == 2)
        assert set(np.unique(after)) <= {0, 1, 255}


@pytest.mark.parametrize(
    'wrong',
    [
        dict(split='test', num_images=3),
        dict(),
        dict(num_images=3, ids=[1]),
        dict(ids=[]),
        dict(ids=[-1]),
        dict(start=999_999, num_images=2),
    ],
)
def test_impossible_parts_are_refused(wrong):
    """Ids beyond the train range would be scenes of the val set."""
    with pytest.raises(UserError, match='ShapesDataset'):
        build(**wrong)
