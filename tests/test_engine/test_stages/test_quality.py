"""The counts of label maps, against numbers worked out by hand."""

import json

import cv2
import numpy as np
import pytest

from semiseg_mm.engine.stages.figures import draw_quality
from semiseg_mm.engine.stages.quality import LabelQuality
from semiseg_mm.engine.stages.quota import per_class
from semiseg_mm.errors import UserError

CLASSES = ('sky', 'road', 'car')
LABEL = np.uint8([[0, 0, 0], [1, 1, 255]])
CONFIDENCE = np.uint8([[255, 204, 51], [102, 102, 0]])
TRUTH = np.uint8([[0, 0, 1], [1, 255, 0]])


def counted(*images) -> LabelQuality:
    quality = LabelQuality(CLASSES)
    for image in images:
        quality.add(*image)
    return quality


def test_labels_alone():
    report = counted((LABEL,)).report()
    assert report['images'] == 1 and report['pixels'] == 6
    assert report['coverage'] == pytest.approx(5 / 6, abs=1e-6)
    assert [row['share'] for row in report['classes'].values()] == [0.6, 0.4, 0]
    assert 'mean_confidence' not in report and 'mIoU' not in report


def test_confidences():
    """Sky: (1 + .8 + .2) / 3; road .4. The ignored pixel does not count."""
    report = counted((LABEL, CONFIDENCE)).report()
    assert report['mean_confidence'] == pytest.approx((2 + 0.8) / 5, abs=1e-6)
    assert report['classes']['sky']['mean_confidence'] == pytest.approx(2 / 3, abs=1e-6)
    assert report['classes']['road']['mean_confidence'] == pytest.approx(0.4)
    assert report['classes']['car']['mean_confidence'] is None


def test_truth():
    """Judged are 4 pixels: sky right twice, road called sky once, road right once.

    IoU of sky is 2 / 3, of road 1 / 2; of car nothing is there. The pixel without label and the one
    without truth do not count.
    """
    report = counted((LABEL, None, TRUTH)).report()
    rows = report['classes']
    assert [row['IoU'] for row in rows.values()] == [round(2 / 3, 6), 0.5, None]
    assert report['mIoU'] == pytest.approx(7 / 12, abs=1e-6) and report['accuracy'] == 0.75
    assert rows['sky']['precision'] == round(2 / 3, 6) and rows['road']['precision'] == 1
    assert rows['sky']['recall'] == round(2 / 3, 6)  # the third has no label
    assert rows['road']['share_in_truth'] == 0.4


def test_what_thresholds_would_leave():
    """Above 102: two pixels of sky, both right. In bin 102 half of the two of road, one judged."""
    thresholds = {'0': dict(bin=102, share=0.0), '1': dict(bin=102, share=0.5)}
    thresholds['2'] = dict(bin=255, share=0.0)
    report = counted((LABEL, CONFIDENCE, TRUTH)).report(thresholds)
    assert report['kept'] == dict(coverage=0.5, accuracy=1.0)
    assert [row['kept'] for row in report['classes'].values()] == [round(2 / 3, 6), 0.5, None]
    keep_all = per_class(counted((LABEL, CONFIDENCE)).confidence, 1.0)
    report = counted((LABEL, CONFIDENCE, TRUTH)).report(keep_all)
    assert report['kept'] == dict(coverage=report['coverage'], accuracy=report['accuracy'])


def test_chunks_add_up_and_travel_as_json():
    rng = np.random.default_rng(0)
    values = np.uint8([0, 1, 2, 255])
    images = [
        (
            rng.choice(values, (9, 7)),
            rng.integers(0, 256, (9, 7), np.uint8),
            rng.choice(values, (9, 7)),
        )
        for _ in range(5)
    ]
    whole = counted(*images)
    parts = [counted(*images[:2]), counted(), counted(*images[2:])]
    texts = [json.dumps(part.to_dict()) for part in parts]
    first, *others = [LabelQuality.from_dict(json.loads(text)) for text in texts]
    merged = first.merge(*others)
    assert merged.report() == whole.report() and merged.to_dict() == whole.to_dict()
    assert len(texts[1]) < 200  # nothing counted, nothing written
    with pytest.raises(ValueError, match='different classes'):
        first.merge(LabelQuality(CLASSES[:2]))


def test_nothing_counted_is_no_crash(tmp_path):
    report = LabelQuality(CLASSES).report()
    assert report['coverage'] is None and report['classes']['sky']['share'] is None
    draw_quality(LabelQuality(CLASSES), str(tmp_path / 'quality.png'))


def test_truth_of_other_classes_or_size_is_named():
    truth = TRUTH.copy()
    truth[0, 0] = 7
    with pytest.raises(UserError, match=r'truth of a/b holds the label 7, but there are 3 classes'):
        LabelQuality(CLASSES).add(LABEL, None, truth, name='a/b')
    with pytest.raises(UserError, match=r'truth of a/b is \(1, 3\), the label map is \(2, 3\)'):
        LabelQuality(CLASSES).add(LABEL, None, TRUTH[:1], name='a/b')


@pytest.mark.parametrize('count', [1, 2, 3])
def test_the_picture_has_something_in_it(tmp_path, count):
    quality = counted((LABEL, CONFIDENCE, TRUTH)[:count])
    path = tmp_path / 'quality.png'
    draw_quality(quality, str(path), per_class(quality.confidence, 0.5))
    image = cv2.imread(str(path))
    assert image.shape[1] > 400 and len(np.unique(image.reshape(-1, 3), axis=0)) > 20
    assert [p.name for p in tmp_path.iterdir()] == ['quality.png']
