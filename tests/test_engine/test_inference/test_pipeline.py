import threading

import cv2
import numpy as np
import pytest
import torch

from semiseg_mm.engine.inference import ImageSource, pipeline, predict_labels, progress
from semiseg_mm.errors import UserError

SIZES = [(18, 26), (26, 18), (20, 20)]


@pytest.fixture
def source(tmp_path):
    """24 images of three sizes, two of them broken."""
    rng = np.random.default_rng(0)
    (tmp_path / 'images/deep').mkdir(parents=True)
    for number in range(24):
        size = SIZES[number % 5 % 3]
        folder = tmp_path / 'images' / ('deep' if number >= 20 else '')
        coarse = rng.integers(0, 256, (5, 5, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / f'{number:02}.png'), cv2.resize(coarse, size[::-1]))
    for number in ('03', '12'):
        (tmp_path / f'images/{number}.png').write_bytes(b'')
    load = [dict(type='LoadImage')]
    cfg = dict(type='UnlabeledDataset', img_path=str(tmp_path / 'images'), pipeline=load)
    return ImageSource(cfg)


def labels(source, predictor, chunks=None, **options):
    """All that is written, and all that is reported."""
    chunks = chunks or {n: range(8 * n, 8 * n + 8) for n in range(3)}
    written, reported = {}, {}

    def write(name, label, confidence):
        assert threading.current_thread() is not threading.main_thread()
        written[name] = label.copy(), None if confidence is None else confidence.copy()
        return name

    def done(number, names, broken):
        assert threading.current_thread() is threading.main_thread()
        assert set(names) <= set(written)
        reported[number] = names, broken

    options = dict(dict(batch_size=3, workers=0, with_confidence=True), **options)
    predict_labels(source, chunks, predictor, write, done, **options)
    return written, reported


def same(one, other):
    """None of the pairs of label and confidence differs."""
    return one.keys() == other.keys() and all(
        np.array_equal(np.stack(one[name]), np.stack(other[name])) for name in one
    )


def test_every_image_gets_its_label_at_its_size(source, build):
    predictor = build(flip=True)
    written, reported = labels(source, predictor)
    assert list(reported) == [0, 1, 2]
    broken = [pair for _, pairs in reported.values() for pair in pairs]
    assert broken == [('03', 'it is empty'), ('12', 'it is empty')]
    names = [name for names, _ in reported.values() for name in names]
    assert names == [name for name in source.ids if name not in ('03', '12')]
    assert 'deep/20' in names and set(written) == set(names)
    for index, name in enumerate(source.ids):
        if name in written:
            image = source[index][1]
            label, confidence = written[name]
            expected = predictor.predict([image], confidence=True)
            assert label.shape == image.shape[1:] and label.dtype == confidence.dtype == np.uint8
            assert (label == expected.label[0].numpy()).mean() > 0.99  # other batches, other bits
            assert np.abs(confidence - expected.confidence[0].numpy().astype(int)).max() <= 1
    without, _ = labels(source, predictor, with_confidence=False)
    assert all(pair[1] is None for pair in without.values())


def test_nothing_depends_on_workers_or_on_which_chunks_are_left(source, build):
    predictor = build(scales=(0.75, 1.0), flip=True)
    expected, reported = labels(source, predictor)
    with_workers, reported_with_workers = labels(source, predictor, workers=2)
    assert same(with_workers, expected) and reported_with_workers == reported
    rest, _ = labels(source, predictor, {2: range(16, 24)})  # after a kill, or another rank's
    assert len(rest) == 8 and same(rest, {name: expected[name] for name in rest})


def test_batches_are_of_one_shape_and_in_the_order_of_the_list(source, build):
    predictor, batches = build(), []
    predict = predictor.predict
    predictor.predict = lambda images, *args: (
        batches.append([i.shape[1:] for i in images]) or predict(images, *args)
    )
    labels(source, predictor, {0: range(8)}, batch_size=2)
    # images 0 1 2 (3) 4 5 6 7 have the sizes 0 1 2 (0) 1 0 1 2
    order = [1, 0, 2, 1]
    assert batches == [[torch.Size(SIZES[k])] * n for k, n in zip(order, (2, 2, 2, 1), strict=True)]


@pytest.mark.parametrize('workers', [0, 2])
def test_an_error_of_writing_ends_the_run(source, build, workers):
    error, asked, finished = OSError('disk full'), [], []

    def write(name, label, confidence):
        asked.append(name)
        if name == '09':
            raise error

    with pytest.raises(OSError, match='disk full') as caught:
        predict_labels(
            source,
            {n: [n] for n in range(24)},
            build(),
            write,
            lambda number, *_: finished.append(number),
            batch_size=1,
            workers=workers,
        )
    assert caught.value is error
    assert finished == list(range(len(finished))) and len(finished) <= 9  # not this one
    assert len(asked) < 22  # and the rest was not begun


def test_an_error_of_done_ends_the_run(source, build):
    def done(number, names, broken):
        raise UserError('no space for the record')

    with pytest.raises(UserError, match='no space'):
        predict_labels(source, {0: [0], 1: [1]}, build(), lambda *_: None, done, workers=0)


@pytest.mark.parametrize('workers', [0, 2])
def test_a_users_error_of_loading_ends_the_run_as_one_sentence(source, build, workers):
    class Away(ImageSource):
        def __init__(self):
            self.ids = source.ids

        def __len__(self):
            return len(source)

        def __getitem__(self, index):
            if index == 10:
                raise UserError('The storage is out of reach.')
            return source[index]

    with pytest.raises(UserError) as caught:
        labels(Away(), build(), workers=workers)
    assert str(caught.value) == 'The storage is out of reach.'


def test_a_network_that_gives_nan_writes_nothing(source, build):
    predictor = build()
    predictor.network.decode_head.conv_seg.bias.data[0] = float('nan')
    with pytest.raises(UserError, match='NaN or infinite scores for'):
        labels(source, predictor)


def test_a_chunk_is_reported_only_when_all_its_files_are_there(source, build, monkeypatch):
    """The last image of the first chunk is written slowly, on the other of two threads."""
    monkeypatch.setattr(pipeline, 'WRITERS', 2)
    others, reported, slow = threading.Semaphore(0), [], []

    def write(name, label, confidence):
        if name != '02':
            others.release()
            return
        for _ in range(4):  # of the next chunks
            others.acquire(timeout=10)
        slow.append(name)

    def done(number, *_):
        assert slow == ['02']
        reported.append(number)

    predict_labels(source, {0: [0, 1, 2], 1: [4], 2: [5], 3: [6]}, build(), write, done, 1, 0)
    assert reported == [0, 1, 2, 3]


def test_progress_goes_to_the_log_where_there_is_no_terminal(monkeypatch):
    lines, clock = [], iter([0.0, 10.0, 70.0, 80.0])
    monkeypatch.setattr(progress, 'print_log', lambda text, _: lines.append(text))
    monkeypatch.setattr(progress.time, 'monotonic', lambda: next(clock))
    with progress.Progress(total=210) as shown:
        shown.bar = None
        for _ in range(3):
            shown.advance(35)
    assert lines == ['70 of 210 images, 1.0 a second, 2 min left']
