"""ConfusionMetric gives what mmseg's IoUMetric gives, counted exactly."""

import multiprocessing
import os
import socket
import sys

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.dataset import DefaultSampler
from mmseg.evaluation import IoUMetric

from semiseg_mm.engine.metrics import ConfusionMetric
from semiseg_mm.errors import UserError
from semiseg_mm.registry import METRICS
from semiseg_mm.utils.confusion import areas, confusion

CLASSES = ('sky', 'road', 'car', 'never')


def sample(seed: int, size=(9, 7), truths=(0, 1, 2, 255)) -> dict:
    """An image with the label and truth of some classes; ``never`` is in neither."""
    rng = np.random.default_rng(seed)
    truth, label = rng.choice(truths, (1, *size)), rng.integers(0, 3, (1, *size))
    return dict(
        img_path=f'{seed}.png',
        pred_sem_seg=dict(data=torch.from_numpy(label)),
        gt_sem_seg=dict(data=torch.from_numpy(truth.astype(np.int64))),
    )


def evaluated(metric, samples, batch=2) -> dict:
    metric.dataset_meta = dict(classes=CLASSES)
    for start in range(0, len(samples), batch):
        metric.process({}, samples[start : start + batch])
    return metric.evaluate(len(samples))


def test_two_by_two_pixels_by_hand():
    """Sky is seen right once, and once where road is; a third pixel is no class, one is left out.

    So sky is in 1 of 2 pixels both, road in 0 of 1; the label on the third counts as a miss.
    """
    truth, label = torch.tensor([[0, 1, 9, 255]]), torch.tensor([[0, 0, 1, 1]])
    table = confusion(truth, label, 2, ignore_index=255)
    assert table.tolist() == [[[1, 0, 0], [1, 0, 0], [0, 1, 0]]]
    both, either, labels, truths = areas(table[0])
    assert both.tolist() == [1, 0] and either.tolist() == [2, 2]
    assert labels.tolist() == [2, 1] and truths.tolist() == [1, 1]
    assert (confusion(truth.byte(), label.byte(), 2, ignore_index=255) == table).all()
    assert confusion(truth.byte(), label, 2, ignore_index=-1).sum() == 4


OPTIONS = [
    dict(),
    dict(iou_metrics=['mIoU', 'mDice', 'mFscore'], beta=2),
    dict(iou_metrics='mFscore', nan_to_num=0),
    dict(ignore_index=1, nan_to_num=-1, prefix='own'),
    dict(ignore_index=-1),
]


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_it_equals_the_metric_of_mmseg(options, caplog):
    truths = (0, 1, 2, 3, 7, 255, -1)  # 7 is no class, and 255 not always the one that is ignored
    samples = [sample(k, (5 + k, 7), truths) for k in range(5)]
    options = dict(options, nan_to_num=options.get('nan_to_num', 0))
    theirs = evaluated(IoUMetric(**options), samples)
    ours = evaluated(METRICS.build(dict(options, type='ConfusionMetric')), samples)
    assert list(ours) == list(theirs) and len(ours) >= 3
    assert ours == pytest.approx({k: float(v) for k, v in theirs.items()}, abs=0.01)
    assert {type(value) for value in ours.values()} == {float}


def test_its_areas_are_those_of_the_metric_of_mmseg():
    """Before anything is divided or rounded, of labels that are classes."""
    truth, label = torch.randint(0, 6, (2, 50)), torch.randint(0, 5, (2, 50))
    truth[0, :9] = 255
    for rows in zip(truth, label, strict=True):
        theirs = IoUMetric.intersect_and_union(rows[1], rows[0], 4, 255)
        ours = areas(confusion(rows[0][None], rows[1][None], 4, 255)[0])
        assert [x.tolist() for x in ours] == [x.tolist() for x in theirs]


def test_a_class_that_is_nowhere_does_not_count():
    """As in mmseg, its IoU is NaN, and the mean is over the rest."""
    found = evaluated(ConfusionMetric(), [sample(0)])
    assert found['mIoU'] == pytest.approx(float(evaluated(IoUMetric(), [sample(0)])['mIoU']))
    less = evaluated(ConfusionMetric(nan_to_num=0), [sample(0)])
    assert less['mIoU'] == pytest.approx(found['mIoU'] * 3 / 4, abs=0.01)


def test_more_pixels_than_single_precision_counts():
    """Added one by one to 2 ** 24 pixels of a class, four more are lost there, and not here."""
    metric = ConfusionMetric()
    metric.dataset_meta = dict(classes=('all',))
    metric._table = torch.tensor([[2**24, 0], [0, 0]])
    one = sample(0, (1, 1), (0,))
    one['pred_sem_seg']['data'].zero_()
    seen = []
    metric.compute_metrics = lambda results: seen.append(results[0][0].item()) or {}
    metric.process({}, [one] * 4)
    metric.evaluate(4)
    assert seen == [2**24 + 4] and torch.tensor(2.0**24) + 1 == 2**24


def test_a_second_evaluation_starts_anew():
    metric = ConfusionMetric()
    first = evaluated(metric, [sample(k) for k in range(3)])
    assert evaluated(metric, [sample(k) for k in range(3)]) == first


def test_files_are_written_as_mmseg_writes_them(tmp_path):
    for kind in (IoUMetric, ConfusionMetric):
        where = tmp_path / kind.__name__
        metric = kind(format_only=True, output_dir=str(where))
        assert evaluated(metric, [sample(k) for k in range(2)]) == {}
        assert evaluated(kind(output_dir=str(where)), [sample(5)])['aAcc'] > 0
    one, two = (sorted(path.glob('*')) for path in tmp_path.iterdir())
    assert [p.name for p in one] == [p.name for p in two] == ['0.png', '1.png', '5.png']
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))


def test_images_without_a_fitting_mask_are_named():
    missing, small = sample(1), sample(2)
    missing.pop('gt_sem_seg')
    small['gt_sem_seg']['data'] = small['gt_sem_seg']['data'][:, 1:]
    with pytest.raises(UserError, match=r'1\.png has no mask'):
        evaluated(ConfusionMetric(), [missing])
    with pytest.raises(UserError, match=r'2\.png: the mask is \(8, 7\), the prediction \(9, 7\)'):
        evaluated(ConfusionMetric(), [small])


def test_repeated_images_are_refused():
    metric = ConfusionMetric()
    metric.dataset_meta = dict(classes=CLASSES)
    metric.process({}, [sample(0)] * 4)
    with pytest.raises(UserError, match='DefaultSampler'):
        metric.evaluate(2)


def share(rank: int, port: int, processes: int, sizes, folder) -> None:
    """Evaluate what mmengine's sampler gives this process, of lists of several sizes."""
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    dist.init_process_group('gloo', rank=rank, world_size=processes)
    for size in sizes:
        metric = ConfusionMetric()
        metric.dataset_meta = dict(classes=CLASSES)
        mine = [sample(k) for k in DefaultSampler(range(size), shuffle=False)]
        metric.process({}, mine[:2])
        if mine[2:]:
            metric.process({}, mine[2:])
        (folder / f'{size}_{rank}').write_text(repr(metric.evaluate(size)))
    sys.stdout.flush()
    os._exit(0)


def test_processes_together_count_each_image_once(tmp_path):
    """Three processes share 1 to 7 images: some get one twice, or nothing but such a one."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context('fork')
    own = [fork.Process(target=share, args=(r, port, 3, range(1, 8), tmp_path)) for r in range(3)]
    for process in own:
        process.start()
    for process in own:
        process.join(60)
    for size in range(1, 8):
        alone = repr(evaluated(ConfusionMetric(), [sample(k) for k in range(size)]))
        found = {path.read_text() for path in tmp_path.glob(f'{size}_*')}
        assert found == {alone}, size
