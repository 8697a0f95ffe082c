"""Confidences go with their labels, and labels that are not sure enough become 255."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose

from semiseg_mm.datasets import (
    IgnoreUncertain,
    LoadConfidence,
    PackSemiInputs,
    PseudoLabeledDataset,
    ScaleCrop,
)
from semiseg_mm.datasets.mask_reading import plain_value
from semiseg_mm.errors import UserError

LABEL = np.uint8([[0, 0, 1, 1], [0, 2, 2, 255]])
CONFIDENCE = np.uint8([[255, 128, 127, 200], [0, 200, 204, 255]])


def results(label=LABEL, confidence=CONFIDENCE) -> dict:
    image = np.zeros((*label.shape, 3), np.uint8)
    fields = ['gt_seg_map', 'confidence']
    return dict(img=image, gt_seg_map=label, confidence=confidence, seg_fields=fields, img_path='a')


def filtered(label=LABEL, confidence=CONFIDENCE, **kwargs) -> list:
    return IgnoreUncertain(**kwargs)(results(label, confidence))['gt_seg_map'].tolist()


@pytest.fixture
def thresholds(tmp_path):
    def write(*pairs: tuple[int, float]) -> str:
        table = {str(k): dict(bin=b, share=s) for k, (b, s) in enumerate(pairs)}
        (tmp_path / 'thresholds.json').write_text(json.dumps(table))
        return str(tmp_path / 'thresholds.json')

    return write


# ------------------------------------------------------------------ thresholds


def test_one_threshold_by_hand():
    """0.5 is 127.5 of 255: 128 stays, 127 does not; at 0.8, 204 stays."""
    assert filtered(threshold=0.5) == [[0, 0, 255, 1], [255, 2, 2, 255]]
    assert filtered(threshold=0.8) == [[0, 255, 255, 255], [255, 255, 2, 255]]
    assert filtered(threshold=0.0) == LABEL.tolist()


def test_a_threshold_for_each_class_by_hand(thresholds):
    """Class 0 above 128, class 1 from 127 on, class 2 from 204 on."""
    file = thresholds((128, 0), (127, 1), (204, 1))
    assert filtered(thresholds=file) == [[0, 255, 1, 1], [255, 255, 2, 255]]


def test_of_equal_confidences_a_fixed_random_part_is_kept(thresholds):
    label, confidence = np.zeros((60, 50), np.uint8), np.full((60, 50), 255, np.uint8)
    confidence[:, 40:] = 254
    transform = IgnoreUncertain(thresholds=thresholds((255, 0.25)))
    draws = []
    for seed in range(3):  # of the run: no matter
        np.random.seed(seed)
        kept = transform(results(label, confidence))['gt_seg_map'] == 0
        draws.append(kept)
        assert np.random.get_state()[2] == 624  # and nothing is taken from it
    assert (draws[0] == draws[1]).all() and (draws[0] == draws[2]).all()
    assert not kept[:, 40:].any()
    assert 0.2 < kept[:, :40].mean() < 0.3
    assert kept[:30, :40].any() and kept[30:, :40].any() and not kept.all(1).any()
    confidence[0, 49] = 0  # another image: another part
    assert (transform(results(label, confidence))['gt_seg_map'][:, :40] != 255).mean() < 0.3
    assert (transform(results(label, confidence))['gt_seg_map'] == 0).tolist() != kept.tolist()


def test_the_label_map_it_is_given_stays_as_it_is():
    label = LABEL.copy()
    filtered(label, threshold=1.0, border=1)
    assert (label == LABEL).all()


def test_a_changed_file_counts_at_once(thresholds):
    file = thresholds((0, 1), (0, 1), (0, 1))
    before, known = filtered(thresholds=file), vars(IgnoreUncertain(thresholds=file))
    thresholds((255, 0.0), (255, 0), (255, 0))
    assert before == LABEL.tolist() and filtered(thresholds=file) == [[255] * 4] * 2
    assert plain_value(known) != plain_value(
        vars(IgnoreUncertain(thresholds=file))
    )  # for CentroidSampler


def test_the_file_may_be_made_after_the_transform(tmp_path):
    transform = IgnoreUncertain(thresholds=str(tmp_path / 'late.json'))
    with pytest.raises(UserError, match=r'late\.json cannot be read'):
        transform(results())
    table = {str(k): dict(bin=200, share=1) for k in range(3)}
    (tmp_path / 'late.json').write_text(json.dumps(table))
    assert transform(results())['gt_seg_map'].tolist() == [[0, 255, 255, 1], [255, 2, 2, 255]]


# ------------------------------------------------------------------ the border


def test_border_by_hand():
    """One pixel on both sides of a boundary; beside what is ignored anyway there is none."""
    label = np.uint8([[0, 0, 0, 1, 1], [0, 0, 0, 1, 1], [255, 0, 0, 1, 1]])
    expected = [[0, 0, 255, 255, 1], [0, 0, 255, 255, 1], [255, 0, 255, 255, 1]]
    assert filtered(label, None, border=1) == expected
    assert filtered(label, None, border=2)[0] == [0, 255, 255, 255, 255]


def test_border_reaches_diagonally():
    label = np.zeros((5, 5), np.uint8)
    label[0, 0] = 7
    assert filtered(label, None, border=1)[1] == [255, 255, 0, 0, 0]
    assert filtered(label, None, border=3)[3] == [255] * 4 + [0]


def test_border_is_of_the_predicted_classes_not_of_the_kept_ones():
    """The unsure pixel between two classes still parts them."""
    label, confidence = np.uint8([[0, 0, 1, 1]]), np.uint8([[255, 255, 0, 255]])
    assert filtered(label, confidence, threshold=0.5, border=1) == [[0, 255, 255, 1]]
    assert filtered(np.uint8([[0, 255, 1]]), None, border=1) == [[0, 255, 1]]


def test_neither_option_changes_nothing():
    assert filtered() == LABEL.tolist()


# ------------------------------------------------------------------ through the pipeline


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ('img', 'labels', 'conf'):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / 'img/a.png'), rng.integers(0, 256, (20, 26, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'labels/a.png'), rng.integers(0, 3, (20, 26), np.uint8))
    cv2.imwrite(str(tmp_path / 'conf/a.png'), rng.integers(1, 256, (20, 26), np.uint8))
    return tmp_path


def test_confidences_are_cut_like_labels(files):
    """Scaled, moved, mirrored: each label still has its own confidence; padding has 0."""
    pipeline = [
        LoadConfidence(),
        IgnoreUncertain(),
        ScaleCrop(crop_size=(48, 40), scale=(0.5, 1.7)),
    ]
    confidence = cv2.imread(str(files / 'conf/a.png'), cv2.IMREAD_GRAYSCALE)
    label = confidence // 86  # tied to it
    for seed in range(8):
        np.random.seed(seed)
        data = dict(
            img=np.zeros((20, 26, 3), np.uint8), gt_seg_map=label, seg_fields=['gt_seg_map']
        )
        out = Compose(pipeline)(dict(data, confidence_path=str(files / 'conf/a.png'), img_path=''))
        valid = out['valid']
        assert out['confidence'].shape == (48, 40) and out['confidence'].dtype == np.uint8
        assert (out['confidence'][valid] // 86 == out['gt_seg_map'][valid]).all()
        assert (out['confidence'][valid] > 0).all()
        assert (out['confidence'][~valid] == 0).all() and (out['gt_seg_map'][~valid] == 255).all()
        assert not valid.all()


def test_a_dataset_hands_confidences_to_the_method(files):
    dataset = PseudoLabeledDataset(
        dict(type='UnlabeledDataset', img_path=str(files / 'img')),
        label_dir=str(files / 'labels'),
        conf_dir=str(files / 'conf'),
        pipeline=[
            dict(type='LoadImage'),
            dict(type='LoadAnnotations'),
            dict(type='LoadConfidence'),
            dict(type='IgnoreUncertain', threshold=0.5),
            dict(type='ScaleCrop', crop_size=(24, 30), scale=(1.0, 1.0), flip=0),
            dict(type='PackSemiInputs', view='pseudo'),
        ],
    )
    sample = dataset.pipeline(dataset.get_data_info(0))['pseudo']['data_samples']
    label, confidence = sample.gt_sem_seg.data, sample.confidence.data  # 1,H,W
    assert confidence.shape == (1, 24, 30) and confidence.dtype == torch.uint8
    stored = cv2.imread(str(files / 'conf/a.png'), cv2.IMREAD_GRAYSCALE)
    assert (confidence[0, :20, :26].numpy() == stored).all() and not confidence[0, 20:].any()
    assert ((label == 255) == (confidence < 128)).all()


def test_without_confidences_none_are_packed():
    data = dict(img=np.zeros((4, 4, 3), np.uint8), seg_fields=[])
    assert 'confidence' not in PackSemiInputs()(data)['labeled']['data_samples']


# ------------------------------------------------------------------ what users get wrong


def test_wrong_options():
    with pytest.raises(UserError, match='not both'):
        IgnoreUncertain(threshold=0.5, thresholds='t.json')
    with pytest.raises(UserError, match=r'threshold=95 is not within 0 … 1'):
        IgnoreUncertain(threshold=95)
    with pytest.raises(UserError, match='needs dict'):
        IgnoreUncertain(threshold=0.5)(dict(gt_seg_map=LABEL))


def test_confidences_that_do_not_fit_are_named(files):
    load, label = LoadConfidence(), np.zeros((20, 26), np.uint8)
    with pytest.raises(UserError, match=r'b\.jpg has no confidences. Set conf_dir'):
        load(dict(img_path='b.jpg'))
    path = str(files / 'conf/a.png')
    with pytest.raises(UserError, match=r'conf/a\.png are 20x26 but the label map l\.png is 26x20'):
        load(dict(confidence_path=path, gt_seg_map=label.T, seg_map_path='l.png'))
    for content in (b'', b'no image'):
        (files / 'conf/a.png').write_bytes(content)
        with pytest.raises(UserError, match=r'conf/a\.png is no 8-bit gray PNG'):
            load(dict(confidence_path=path))
    (files / 'conf/a.png').unlink()
    with pytest.raises(UserError, match=r'conf/a\.png cannot be read'):
        load(dict(confidence_path=path))


def test_thresholds_that_do_not_fit_are_named(thresholds, tmp_path):
    with pytest.raises(UserError, match=r'thresholds\.json has no threshold for class 2'):
        filtered(thresholds=thresholds((0, 1), (0, 1)))
    with pytest.raises(UserError, match=r'none\.json cannot be read \(No such file'):
        filtered(thresholds=str(tmp_path / 'none.json'))
    wrong = ('{"sky": {"bin": 1, "share": 1}}', '{"0": {"bin": 256, "share": 1}}')
    for text in ('[1]', '{', '{"0": 3}', '{"0": {"bin": 1}}', *wrong):
        (tmp_path / 'bad.json').write_text(text)
        with pytest.raises(UserError, match=r'bad\.json holds no thresholds'):
            filtered(thresholds=str(tmp_path / 'bad.json'))
