import pytest
import torch

from semiseg_mm.engine.inference import ImageSource, predict_agreement
from semiseg_mm.engine.inference.agreement import mean_ious

SCENES = dict(type='ShapesDataset', size=(16, 20), pipeline=[dict(type='LoadShapes')])


def test_mean_iou_by_hand():
    """Only classes that one of both has count, image by image."""
    reference = torch.tensor([[[0, 0], [1, 2]], [[1, 1], [1, 1]]])
    labels = torch.tensor([[[0, 1], [1, 1]], [[1, 1], [1, 3]]], dtype=torch.uint8)
    # first image: class 0: 1/2, class 1: 1/3, class 2: 0/1; second: class 1: 3/4, class 3: 0/1
    found = mean_ious(labels, reference, num_classes=5)
    assert found.tolist() == pytest.approx([(1 / 2 + 1 / 3 + 0) / 3, (3 / 4 + 0) / 2])
    assert mean_ious(reference, reference, 5).tolist() == [1, 1]
    assert mean_ious(reference[:1], labels[:1], 5).tolist() == pytest.approx([5 / 18])


@pytest.mark.parametrize('workers', [0, 1])
def test_each_earlier_network_is_compared_with_the_last(build, workers):
    source = ImageSource(dict(SCENES, num_images=10))
    predictors = [build(seed) for seed in (0, 1, 1)]
    chunks, found = {3: range(5), 1: range(5, 10)}, {}
    predict_agreement(
        source, chunks, predictors, lambda n, rows, broken: found.update({n: (rows, broken)}),
        batch_size=2, workers=workers,
    )  # fmt: skip
    assert list(found) == [3, 1] and all(broken == [] for _, broken in found.values())
    rows = found[3][0] + found[1][0]
    assert [name for name, _ in rows] == source.ids
    for index, (_, ious) in enumerate(rows):
        labels = [one.predict([source[index][1]]).label for one in predictors]
        expected = [mean_ious(label, labels[-1], 4).item() for label in labels[:-1]]
        assert ious == pytest.approx(expected, abs=0.02)  # another batch: a pixel may differ
        assert ious[1] == 1 and ious[0] < 0.9
