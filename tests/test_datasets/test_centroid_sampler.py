from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from semiseg_mm.datasets import (
    CentroidSampler,
    SemiDataset,
    SourceRatioSampler,
    centroids,
    crop_histogram,
)
from semiseg_mm.datasets.samplers import centroid, stream
from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.structures import SampleRequest


@pytest.fixture(scope='module')
def dataset():
    """30 labeled scenes and 9 unlabeled ones; crops of 20 from 64 x 64 at scale 1."""
    init_default_scope('semiseg_mm')
    crop = dict(type='ScaleCrop', scale=(1.0, 1.0))
    load, pack = dict(type='LoadShapes'), dict(type='PackSemiInputs')
    views = dict(type='MultiView', views=dict(weak=[]))
    labeled = dict(type='ShapesDataset', num_images=30, pipeline=[load, crop, pack])
    unlabeled = dict(
        type='ShapesDataset',
        start=100,
        num_images=9,
        with_labels=False,
        pipeline=[load, crop, views, pack],
    )
    return SemiDataset(labeled, unlabeled, crop_size=(20, 20))


@pytest.fixture
def make(monkeypatch, dataset):
    """A sampler as process ``rank`` of ``world`` makes it."""

    def build(rank=0, world=1, cls=CentroidSampler, seed=3, data=dataset, **kwargs):
        monkeypatch.setattr(stream, 'get_dist_info', lambda: (rank, world))
        if cls is CentroidSampler:
            kwargs = dict(dict(labeled=4, unlabeled=2, tile=32, cache_dir=''), **kwargs)
        return cls(data, seed=seed, **kwargs)

    return build


def take(sampler, count):
    return list(islice(sampler, count))


def of_labeled(requests, dataset):
    return [r for r in requests if r.index < dataset.num_labeled]


def index_of(*labels, image=None):
    """An index with one place per label, all in different images."""
    count = len(labels)
    columns = (range(count) if image is None else image, range(count), range(count), labels)
    return centroids.CentroidIndex(*(np.array(list(c), np.int32) for c in columns))


@pytest.fixture
def with_index(monkeypatch, make):
    def build(index, **kwargs):
        labels = centroids.Labels('digest', index)
        monkeypatch.setattr(centroid, 'read_labels', lambda *_, **__: labels)
        return make(**kwargs)

    return build


# ------------------------------------------------------------------ which places are drawn by class


@pytest.mark.parametrize('fraction', [0.5, 0.25, 0.3, 0.1, 1 / 3, 0.9])
def test_fraction_is_exact_over_every_stretch(make, fraction):
    requests = take(make(labeled=1, unlabeled=0, fraction=fraction), 400)
    drawn = np.cumsum([r.center is not None for r in requests])
    assert (drawn == np.floor(np.arange(1, 401) * fraction + 1e-9)).all()


def test_fraction_one_draws_all_and_zero_none(make):
    every = take(make(labeled=3, unlabeled=0, fraction=1), 60)
    assert all(r.center is not None for r in every)
    none = take(make(fraction=0), 60)
    assert none == take(make(cls=SourceRatioSampler, labeled=4, unlabeled=2), 60)


def test_fraction_is_exact_far_out(make):
    """Where a float's product would have lost the unit."""
    sampler = make(labeled=1, unlabeled=0, fraction=0.1)
    sampler.skip(10**17)
    drawn = [r.center is not None for r in take(sampler, 20)]
    assert drawn == ([False] * 9 + [True]) * 2


@pytest.mark.parametrize('fraction', [-0.1, 1.1])
def test_impossible_fraction_is_refused(make, fraction):
    with pytest.raises(UserError, match='fraction'):
        make(fraction=fraction)


def test_unlabeled_places_stay_what_they_are(make, dataset):
    requests = take(make(), 60)
    plain = take(make(cls=SourceRatioSampler, labeled=4, unlabeled=2), 60)
    assert [r for r in requests if r.index >= 30] == [r for r in plain if r.index >= 30]
    assert all(r.center is None for r in requests if r.index >= 30)
    assert [(r.serial, r.seed) for r in requests] == [(r.serial, r.seed) for r in plain]


def test_labeled_only_leaves_the_labeled_requests_as_they_are(make, dataset):
    mixed = of_labeled(take(make(), 60), dataset)
    assert take(make(labeled_only=True), 40) == mixed
    assert make(labeled_only=True).batch_size == 4


def test_crops_drawn_at_random_walk_through_all_images(make):
    """Half of 120 serials are 2 passes over 30 images."""
    requests = take(make(labeled=1, unlabeled=0), 120)
    shown = [r.index for r in requests if r.center is None]
    assert sorted(shown) == sorted([*range(30), *range(30)])


# ------------------------------------------------------------------ what is drawn


def test_classes_come_equally_often(with_index):
    """9 places of class 0, 2 of class 3, 1 of class 5: 10 passes over 3 classes."""
    labels = [0] * 9 + [3] * 2 + [5]
    sampler = with_index(index_of(*labels), labeled=1, unlabeled=0, fraction=1)
    drawn = [labels[r.index] for r in take(sampler, 30)]
    assert {c: drawn.count(c) for c in set(drawn)} == {0: 10, 3: 10, 5: 10}
    passes = {tuple(drawn[k : k + 3]) for k in range(0, 30, 3)}
    assert len(passes) > 1 and all(set(p) == {0, 3, 5} for p in passes)


def test_places_of_a_class_come_equally_often(with_index):
    labels = [0] * 9 + [3] * 2 + [5]
    sampler = with_index(index_of(*labels), labeled=1, unlabeled=0, fraction=1)
    shown = [r.index for r in take(sampler, 3 * 18)]
    assert [shown.count(k) for k in range(12)] == [2] * 9 + [9] * 2 + [18]


def test_request_names_the_place_of_its_image(make, dataset):
    sampler = make(fraction=1)
    index = sampler.draws[0].index
    places = set(zip(*(column.tolist() for column in (index.image, index.y, index.x))))
    drawn = {(r.index, *r.center) for r in of_labeled(take(sampler, 3000), dataset)}
    assert drawn <= places
    assert len(drawn) > 0.5 * len(places)


def test_run_seed_changes_the_draw(make):
    one, two = (take(make(labeled=2, unlabeled=0, fraction=1, seed=s), 30) for s in (0, 1))
    assert [r.center for r in one] != [r.center for r in two]


# ------------------------------------------------------------------ one stream


@pytest.mark.parametrize('iteration', [0, 1, 17, 100_000])
@pytest.mark.parametrize('world', [2, 4])
@pytest.mark.parametrize('fraction', [0.5, 0.3])
def test_processes_together_walk_the_stream_of_one(make, world, iteration, fraction):
    def batch(rank, world):
        sampler = make(
            rank, world, labeled=8 // world, unlabeled=4 // world, tile=64, fraction=fraction
        )
        start = iteration * sampler.batch_size
        return [sampler.at(start + k) for k in range(sampler.batch_size)]

    together = [r for rank in range(world) for r in batch(rank, world)]
    alone = batch(0, 1)
    assert len(set(together)) == len(together) == len(alone)
    assert set(together) == set(alone)


@pytest.mark.parametrize('count', [1, 6, 13, 100])
def test_skipping_is_dropping(make, count):
    dropped = take(make(), count + 40)[count:]
    sampler = make()
    sampler.skip(count)
    assert take(sampler, 40) == dropped


def test_request_depends_on_the_position_alone(make):
    sampler = make()
    forward = [sampler.at(k) for k in range(80)]
    assert [sampler.at(k) for k in reversed(range(80))] == forward[::-1]


def test_index_agrees_with_the_request(make):
    sampler = make()
    for request in take(sampler, 30):
        source = int(request.index >= 30)
        assert sampler.index(source, request.serial) == request.index


def test_layout_ignores_what_says_nothing_about_the_batch():
    layout = CentroidSampler.layout(labeled=2, unlabeled=1, tile=8, fraction=0.2, cache_dir='')
    assert layout == [0, 0, 1]
    assert CentroidSampler.layout(labeled=2) == [0, 0]


def test_it_is_built_as_the_runner_does(dataset):
    cfg = dict(type='CentroidSampler', labeled=2, cache_dir='')
    sampler = DATA_SAMPLERS.build(cfg, default_args=dict(dataset=dataset, seed=0))
    assert next(iter(sampler)).serial == 0


# ------------------------------------------------------------------ the crops


def test_class_is_inside_every_crop_drawn_by_it(make, dataset):
    """At scale 1 and with anchor='pixel', wherever in the crop the place falls, flipped or not."""
    sampler = make(labeled=1, unlabeled=0, fraction=1)
    draws = sampler.draws[0]
    for k, request in enumerate(take(sampler, 150)):
        label = draws.present[draws.classes[k]]
        crop = dataset[request]['labeled']['data_samples'].gt_sem_seg.data
        assert (crop == label).any()


def test_crop_contains_the_centre(make):
    """Each pixel of a mask is told by its own value, so the place is seen in the crop."""
    crop = dict(type='ScaleCrop', scale=(0.7, 1.6))
    pipeline = [dict(type='LoadShapes'), crop, dict(type='PackSemiInputs')]
    data = SemiDataset(
        dict(type='ShapesDataset', num_images=6, pipeline=pipeline), crop_size=(24, 24)
    )
    sampler = make(data=data, labeled=1, unlabeled=0, fraction=1)

    class MarkCentre:
        def __call__(self, results):
            y, x = results['center']
            mask = np.zeros_like(results['gt_seg_map'])
            mask[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = 1  # survives a scale of 0.7
            results['gt_seg_map'] = mask
            return results

    data.labeled.pipeline.transforms.insert(1, MarkCentre())
    for request in take(sampler, 80):
        assert (data[request]['labeled']['data_samples'].gt_sem_seg.data == 1).any()


def test_rare_class_is_seen_more_often(make, dataset):
    """The star: in crops of 20 pixels, and in pixels; the background less often."""
    shares = {}
    for fraction in (0, 0.5, 1):
        sampler = make(labeled=1, unlabeled=0, fraction=fraction)
        shares[fraction] = crop_histogram(dataset, sampler, 400)
    star = CLASSES.index('star')
    crops, pixels = ({f: share[k] for f, share in shares.items()} for k in (0, 1))
    assert crops[1][star] > 1.5 * crops[0][star] and pixels[1][star] > 1.5 * pixels[0][star]
    assert crops[0.5][star] > 1.2 * crops[0][star]
    assert pixels[1][0] < pixels[0.5][0] < pixels[0][0]


def test_histogram_by_hand(dataset):
    request = SampleRequest(0, serial=0)
    crop = dataset[request]['labeled']['data_samples'].gt_sem_seg.data.numpy()
    unlabeled = SampleRequest(35, serial=0)
    crops, pixels = crop_histogram(dataset, [request, unlabeled, request, request], 2)
    area = np.bincount(crop.ravel(), minlength=7)
    assert crops.tolist() == (area > 0).tolist()
    assert np.allclose(pixels, area / area.sum())


# ------------------------------------------------------------------ classes without a place


@pytest.fixture
def log(monkeypatch):
    lines = []
    monkeypatch.setattr(centroid, 'print_log', lambda text, *_, **__: lines.append(text))
    return lines


def test_classes_without_a_place_are_named_and_left_out(with_index, log):
    sampler = with_index(index_of(0, 1, 1, 6), labeled=1, unlabeled=0, fraction=1)
    assert sampler.draws[0].present == [0, 1, 6]
    (line,) = log
    assert 'slab, bowl, stripes, checker' in line and 'random' in line
    assert {r.index for r in take(sampler, 60)} == {0, 1, 2, 3}


def test_without_any_place_all_crops_are_random(with_index, log, make):
    requests = take(with_index(index_of()), 60)
    assert requests == take(make(cls=SourceRatioSampler, labeled=4, unlabeled=2), 60)
    assert len(log) == 1 and 'all crops are drawn at random' in log[0]


def test_nothing_to_report_is_one_line_too(make, log):
    make()
    assert len(log) == 1 and '50%' in log[0]


CAMVID = Path(__file__).parents[3] / 'shared/data/camvid'


@pytest.mark.skipif(not CAMVID.is_dir(), reason='needs CamVid')
def test_rare_classes_of_real_streets_are_seen_more_often(make):
    """Fence and bicyclist have about 1 % of the pixels; void is label 11."""
    names = ['sky', 'building', 'pole', 'road', 'pavement', 'tree', 'sign', 'fence', 'car']
    names += ['pedestrian', 'bicyclist']
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    labeled = dict(
        type='BaseSegDataset',
        data_root=str(CAMVID),
        metainfo=dict(classes=names),
        ignore_index=11,
        data_prefix=dict(img_path='images/train', seg_map_path='labels/train'),
        pipeline=[*load, dict(type='ScaleCrop', scale=(0.5, 2.0)), dict(type='PackSemiInputs')],
    )
    data = SemiDataset(labeled, crop_size=(120, 120))
    pixels = {}
    for fraction in (0, 1):
        sampler = make(data=data, labeled=4, unlabeled=0, fraction=fraction, tile=240)
        _, pixels[fraction] = crop_histogram(data, sampler, 600)
    rare = [names.index(name) for name in ('fence', 'bicyclist')]
    assert all(pixels[1][k] > 1.3 * pixels[0][k] > 0 for k in rare)
    assert pixels[1][names.index('road')] < pixels[0][names.index('road')]
