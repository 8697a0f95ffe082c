"""Masks load as in mmseg, but values that 8 bits cannot hold are refused everywhere."""

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmseg.datasets import transforms as mmseg_transforms
from PIL import Image
from torch.utils.data import DataLoader

from semiseg_mm.datasets import IgnoreUncertain, SemiDataset, build_index
from semiseg_mm.datasets.transforms import LoadAnnotations
from semiseg_mm.datasets.truth import TrueLabels
from semiseg_mm.errors import BadMask, UserError
from semiseg_mm.registry import DATASETS, TRANSFORMS
from semiseg_mm.structures import SampleRequest

LABELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def info(path, reduce=False, label_map=None):
    return dict(
        seg_map_path=str(path), seg_fields=[], reduce_zero_label=reduce, label_map=label_map
    )


def write(path, mask):
    assert cv2.imwrite(str(path), mask)
    return path


def palette(path):
    image = Image.fromarray(LABELS)
    image.putpalette([value // 2 for value in range(256) for _ in range(3)])
    image.save(path)


def one_bit(path):
    Image.fromarray(LABELS > 99).save(path)


KINDS = {
    'gray': lambda path: write(path, LABELS),
    'palette': palette,
    'one bit': one_bit,
    'colours': lambda path: write(path, np.stack([LABELS] * 3, -1)),
    '16 bits that fit': lambda path: write(path, LABELS.astype(np.uint16)),
    'one row': lambda path: write(path, LABELS[:1]),
}


@pytest.mark.parametrize('label_map', [None, {0: 2, 2: 0, 7: 255, 300: 1}, {254: 5, 255: 6}])
@pytest.mark.parametrize('reduce', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_what_fits_loads_as_in_mmseg(kind, reduce, label_map, tmp_path):
    path = tmp_path / 'a.png'
    KINDS[kind](path)
    if label_map and 300 in label_map:  # numpy refuses to compare bytes with it
        expected_map = {old: new for old, new in label_map.items() if old < 256}
    else:
        expected_map = label_map
    expected = mmseg_transforms.LoadAnnotations()(info(path, reduce, expected_map))
    found = LoadAnnotations()(info(path, reduce, label_map))
    assert found['gt_seg_map'].dtype == np.uint8
    assert np.array_equal(found['gt_seg_map'], expected['gt_seg_map'])
    assert found['seg_fields'] == expected['seg_fields'] == ['gt_seg_map']


TOO_MUCH = {
    'a.png': (np.uint16([[258, 512, 3]]), 'uint16 values from 3 to 512'),
    'b.png': (np.uint16([[0, 65535]]), 'uint16 values from 0 to 65535'),
    'c.tif': (np.int32([[0, -1]]), 'int32 values from -1 to 0'),
    'd.tif': (np.float32([[0, 1.5]]), 'float32 values from 0.0 to 1.5'),
}


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
@pytest.mark.parametrize('name', TOO_MUCH)
def test_what_does_not_fit_is_refused_with_file_type_and_values(name, backend, tmp_path):
    mask, values = TOO_MUCH[name]
    path = write(tmp_path / name, mask)
    with pytest.raises(BadMask) as caught:
        LoadAnnotations(imdecode_backend=backend)(info(path))
    text = str(caught.value)
    assert f'The mask {path} holds {values}' in text and '8-bit PNG' in text
    assert '\n' not in text


def test_two_settings_of_reduce_zero_label_are_refused(tmp_path):
    path = write(tmp_path / 'a.png', LABELS)
    with pytest.warns(UserWarning, match='reduce_zero_label'):
        transform = LoadAnnotations(reduce_zero_label=True)
    with pytest.raises(UserError, match='reduce_zero_label=True, but the dataset has False'):
        transform(info(path))


def test_pipelines_of_this_scope_get_it_and_those_of_mmseg_do_not():
    step = [dict(type='LoadAnnotations')]
    assert type(Compose(step).transforms[0]) is LoadAnnotations
    assert TRANSFORMS.get('mmseg.LoadAnnotations') is mmseg_transforms.LoadAnnotations
    init_default_scope('mmseg')
    assert type(Compose(step).transforms[0]) is mmseg_transforms.LoadAnnotations


# ------------------------------------------------------------------ wherever masks are read


@pytest.fixture
def wide(folder):
    """In the mask of a1, class 2 is 258."""
    path = folder / 'masks/a1.png'
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(np.uint16)
    mask[mask == 2] = 258
    return write(path, mask)


def build(cfg):
    return SemiDataset(**cfg)


def test_a_run_stops_at_its_start(wide, folder_cfg):
    with pytest.raises(BadMask, match=r'a1\.png holds uint16 values from 0 to 258'):
        build(folder_cfg).check_labels()


def test_a_worker_says_the_same(wide, folder_cfg):
    loader = DataLoader(build(folder_cfg), 1, sampler=[SampleRequest(1, 0)], num_workers=1)
    with pytest.raises(BadMask, match=r'a1\.png holds uint16 values from 0 to 258'):
        next(iter(loader))


def test_centroids_refuse_it(wide, folder_cfg):
    with pytest.raises(UserError, match=r'a1\.png holds uint16 values from 0 to 258'):
        build_index(build(folder_cfg).labeled, cache_dir='')


def test_truth_refuses_it(wide, folder_cfg):
    labeled = dict(folder_cfg['labeled'], ann_file='splits/3/labeled.txt')
    labeled['pipeline'] = labeled['pipeline'][:2]
    with pytest.raises(BadMask, match=r'a1\.png holds uint16 values from 0 to 258'):
        TrueLabels(labeled, 3)('a1')


def test_truth_of_a_loader_of_ones_own_is_refused_too(folder_cfg):
    labels = TrueLabels.__new__(TrueLabels)
    labels.dataset, labels.num_classes, labels.rows = DATASETS.build(folder_cfg['labeled']), 3, {}
    labels.rows['a1'] = 1
    labels.dataset.pipeline = lambda results: dict(gt_seg_map=np.int64([[1, 256]]))
    with pytest.raises(BadMask, match='int64 values from 1 to 256'):
        labels('a1')


def test_a_network_s_labels_are_refused_too():
    with pytest.raises(BadMask, match=r'a\.png holds int64 values from 0 to 260'):
        IgnoreUncertain()(dict(gt_seg_map=np.int64([[0, 260]]), seg_map_path='a.png'))


def test_filtering_labels_leaves_the_loaded_ones_as_they_were():
    labels = np.uint8([[0, 1]])
    confidence = np.uint8([[255, 0]])
    results = dict(gt_seg_map=labels, confidence=confidence)
    assert IgnoreUncertain(threshold=0.5)(results)['gt_seg_map'].tolist() == [[0, 255]]
    assert labels.tolist() == [[0, 1]]
