from itertools import islice
from types import SimpleNamespace

import pytest

from semiseg_mm.datasets.crop_schedule import CropSchedule
from semiseg_mm.datasets.samplers import (
    LabeledOversampleSampler,
    RequestBatches,
    ShuffledOrder,
    SourceRatioSampler,
    stream,
)
from semiseg_mm.errors import UserError

SIZES = SimpleNamespace(num_labeled=5, num_unlabeled=13)


@pytest.fixture
def build(monkeypatch):
    """A sampler as process ``rank`` of ``world`` makes it."""

    def make(cls=SourceRatioSampler, dataset=SIZES, rank=0, world=1, seed=3, **kwargs):
        monkeypatch.setattr(stream, 'get_dist_info', lambda: (rank, world))
        return cls(dataset, seed=seed, **kwargs)

    return make


def take(sampler, count):
    return list(islice(sampler, count))


def test_each_pass_is_another_permutation():
    order = ShuffledOrder(7, 0, 1)
    passes = [tuple(order[7 * k + i] for i in range(7)) for k in range(20)]
    assert all(sorted(p) == list(range(7)) for p in passes)
    assert len(set(passes)) == 20


def test_order_depends_on_the_position_alone():
    """Walking backwards, across passes, or from a fresh object gives the same items."""
    order = ShuffledOrder(7, 5)
    forward = [order[i] for i in range(30)]
    assert [order[i] for i in reversed(range(30))] == forward[::-1]
    assert [ShuffledOrder(7, 5)[i] for i in range(30)] == forward
    assert [ShuffledOrder(7, 6)[i] for i in range(30)] != forward


def test_stream_is_endless_and_shows_every_image_equally_often(build):
    """5 passes over 5 labeled and 13 unlabeled images: 65 batches of 5 + 5 are 65 and 25 passes."""
    requests = take(build(labeled=5, unlabeled=5), 650)
    shown = [r.index for r in requests]
    assert {i: shown.count(i) for i in range(5)} == dict.fromkeys(range(5), 65)
    assert {i: shown.count(i) for i in range(5, 18)} == dict.fromkeys(range(5, 18), 25)


def test_places_of_a_batch_keep_their_source(build):
    requests = take(build(labeled=1, unlabeled=3), 80)
    assert [r.index < 5 for r in requests] == [True, False, False, False] * 20
    assert [r.serial for r in requests[:8]] == [0, 0, 1, 2, 1, 3, 4, 5]


def test_crops_of_one_image_are_neighbours(build):
    """Each pass still shows every image; the labeled stream is the same without."""
    once, twice = (build(labeled=2, unlabeled=4, crops=crops) for crops in (1, 2))
    one, two = take(once, 78), take(twice, 156)
    assert [r for r in two[:78] if r.index < 5] == [r for r in one if r.index < 5]
    shown = [r for r in two if r.index >= 5]
    pairs = [(shown[k], shown[k + 1]) for k in range(0, len(shown), 2)]
    assert all(a.index == b.index and a.seed != b.seed for a, b in pairs)
    assert [a.index for a, _ in pairs] == [r.index for r in one if r.index >= 5]
    assert twice.identity() == dict(crops=2) and once.identity() == {}


def test_crops_must_divide_the_unlabeled_places(build):
    with pytest.raises(UserError, match='crops=2 must divide unlabeled=3'):
        build(labeled=1, unlabeled=3, crops=2)


@pytest.mark.parametrize('count', [0, 1, 6, 7, 100])
def test_skipping_is_dropping(build, count):
    dropped = take(build(labeled=2, unlabeled=3), count + 40)[count:]
    sampler = build(labeled=2, unlabeled=3)
    sampler.skip(count)
    assert take(sampler, 40) == dropped


def test_skips_add_up_and_iterating_does_not_move_the_start(build):
    sampler = build(labeled=2, unlabeled=3)
    sampler.skip(4)
    first = take(sampler, 10)
    assert take(sampler, 10) == first
    sampler.skip(3)
    assert take(sampler, 7) == first[3:]


def test_skipping_is_no_replay(build):
    """A replay of 10^14 requests would not end."""
    sampler = build(labeled=1, unlabeled=1)
    sampler.skip(2 * 10**14)
    labeled, unlabeled = take(sampler, 2)
    assert labeled.serial == unlabeled.serial == 10**14
    assert labeled.index < 5 <= unlabeled.index < 18


def batch(sampler, iteration):
    start = iteration * sampler.batch_size
    return [sampler.at(start + k) for k in range(sampler.batch_size)]


@pytest.mark.parametrize('iteration', [0, 1, 2, 17, 100_000])
@pytest.mark.parametrize('world', [2, 4])
@pytest.mark.parametrize('cls', [SourceRatioSampler, LabeledOversampleSampler])
def test_processes_together_walk_the_stream_of_one(build, cls, world, iteration):
    """Same total batch: the same images with the same augmentation in every iteration."""

    def share(rank, world):
        if cls is SourceRatioSampler:
            layout = dict(labeled=4 // world, unlabeled=8 // world)
        else:
            layout = dict(batch_size=8 // world)
        return batch(build(cls, rank=rank, world=world, **layout), iteration)

    together = [r for rank in range(world) for r in share(rank, world)]
    alone = share(0, 1)
    assert len(set(together)) == len(together) == len(alone)
    assert set(together) == set(alone)


def test_serials_of_a_process_by_hand(build):
    """The second of two with 2 + 1 places: the first one has serials 0 1 of the first 4 labeled."""
    requests = take(build(labeled=2, unlabeled=1, rank=1, world=2), 6)
    assert [r.serial for r in requests] == [2, 3, 1, 6, 7, 3]


def test_labeled_only_leaves_the_labeled_requests_as_they_are(build):
    mixed = [r for r in take(build(labeled=2, unlabeled=3), 100) if r.index < 5]
    assert take(build(labeled=2, unlabeled=3, labeled_only=True), 40) == mixed


def test_sources_do_not_run_in_step(build):
    """One list used as both sources: no batch shows an image beside itself all the time."""
    same = SimpleNamespace(num_labeled=8, num_unlabeled=8)
    requests = take(build(dataset=same, labeled=1, unlabeled=1), 2 * 80)
    labeled = [r.index for r in requests[::2]]
    unlabeled = [r.index - 8 for r in requests[1::2]]
    meetings = sum(a == b for a, b in zip(labeled, unlabeled))
    assert 0 < meetings < 30  # 10 expected by chance


def test_all_seeds_differ(build):
    """Over serials, and between the sources at the same serial."""
    requests = take(build(labeled=1, unlabeled=1), 2000)
    assert len({r.seed for r in requests}) == 2000


def test_run_seed_changes_order_and_augmentation(build):
    one, two = (take(build(labeled=2, unlabeled=2, seed=s), 40) for s in (0, 1))
    assert [r.index for r in one] != [r.index for r in two]
    assert not {r.seed for r in one} & {r.seed for r in two}


@pytest.mark.parametrize(
    ('cls', 'layout'),
    [
        (SourceRatioSampler, dict(labeled=1, unlabeled=1)),
        (LabeledOversampleSampler, dict(batch_size=2)),
    ],
)
def test_missing_seed_is_refused(build, cls, layout):
    with pytest.raises(UserError, match=r'randomness = dict\(seed=0, diff_rank_seed=False\)'):
        build(cls, seed=None, **layout)


@pytest.mark.parametrize(('labeled', 'unlabeled'), [(0, 2), (-1, 2), (2, -1)])
def test_impossible_ratio_is_refused(build, labeled, unlabeled):
    with pytest.raises(UserError, match=f'labeled={labeled}, unlabeled={unlabeled}'):
        build(labeled=labeled, unlabeled=unlabeled)


def test_unlabeled_places_need_unlabeled_images(build):
    none = SimpleNamespace(num_labeled=5, num_unlabeled=0)
    with pytest.raises(UserError, match='labeled_only=True'):
        build(dataset=none, labeled=2, unlabeled=2)
    requests = take(build(dataset=none, labeled=2, unlabeled=2, labeled_only=True), 10)
    assert {r.index for r in requests} == set(range(5))


@pytest.mark.parametrize(
    ('labeled', 'unlabeled', 'repeats'), [(5, 13, 3), (4, 12, 3), (12, 5, 1), (3, 0, 1)]
)
def test_oversampling_repeats_labeled_images_to_the_unlabeled_number(
    build, labeled, unlabeled, repeats
):
    """One pass shows each labeled image ceil(U / L) times and each unlabeled image once."""
    sizes = SimpleNamespace(num_labeled=labeled, num_unlabeled=unlabeled)
    sampler = build(LabeledOversampleSampler, dataset=sizes, batch_size=4)
    size = labeled * repeats + unlabeled
    assert len(sampler) == size
    for first in (0, size, 7 * size):
        shown = [sampler.at(first + k).index for k in range(size)]
        counts = {i: shown.count(i) for i in set(shown)}
        assert counts == {i: repeats if i < labeled else 1 for i in range(labeled + unlabeled)}


def test_oversampling_mixes_the_sources_within_batches(build):
    sampler = build(LabeledOversampleSampler, batch_size=4)
    shares = {sum(r.index < 5 for r in batch(sampler, k)) for k in range(40)}
    assert len(shares) > 2


# ------------------------------------------------------------------ batches that grow

GROWING = CropSchedule([(2, 8, 3), (5, 16, 2), (7, 32, 1), (9, 8, 4)])


def growing(sampler):
    sampler.crop_schedule = GROWING
    return sampler


def batch_of(sampler, iteration):
    return [sampler.at(k) for k in range(sampler.before(iteration), sampler.before(iteration + 1))]


def test_serials_of_a_grown_batch_by_hand(build):
    """Process 1 of 2 with 2 + 1 places; 2 rows, then 1: process 0 has serials 0 to 3, then 8, 9."""
    sampler = build(labeled=2, unlabeled=1, rank=1, world=2)
    sampler.crop_schedule = CropSchedule([(1, 8, 2), (2, 16)])
    requests = take(sampler, 9)
    assert [r.serial for r in requests] == [4, 5, 2, 6, 7, 3, 10, 11, 5]
    assert [r.crop_size for r in requests] == [(8, 8)] * 6 + [(16, 16)] * 3


def test_grown_batches_keep_the_ratio_and_one_crop_size(build):
    batches = islice(growing(build(labeled=1, unlabeled=2)).batches(), 10)
    for k, requests in enumerate(batches):
        times = GROWING.phase(k).batch
        assert [r.index < 5 for r in requests] == [True, False, False] * times
        assert {r.crop_size for r in requests} == {GROWING.at(k)}


def test_growing_leaves_out_no_serial(build):
    requests = take(growing(build(labeled=1, unlabeled=2)), 60)
    assert [r.serial for r in requests if r.index < 5] == list(range(20))
    assert [r.serial for r in requests if r.index >= 5] == list(range(40))


@pytest.mark.parametrize('iteration', [0, 1, 2, 4, 5, 6, 7, 8, 9, 100_000])
@pytest.mark.parametrize('world', [2, 4])
@pytest.mark.parametrize('cls', [SourceRatioSampler, LabeledOversampleSampler])
def test_processes_together_walk_the_growing_stream_of_one(build, cls, world, iteration):
    def share(rank, world):
        if cls is SourceRatioSampler:
            layout = dict(labeled=4 // world, unlabeled=8 // world)
        else:
            layout = dict(batch_size=8 // world)
        return batch_of(growing(build(cls, rank=rank, world=world, **layout)), iteration)

    together = [r for rank in range(world) for r in share(rank, world)]
    alone = share(0, 1)
    assert len(set(together)) == len(together) == len(alone)
    assert set(together) == set(alone)


@pytest.mark.parametrize('start', [0, 1, 2, 3, 6, 8, 9])
def test_batches_go_on_where_they_were_skipped_to(build, start):
    whole = list(islice(RequestBatches(growing(build(labeled=1, unlabeled=2)), 3), 14))
    sampler = growing(build(labeled=1, unlabeled=2))
    sampler.skip(sampler.before(start))
    assert list(islice(RequestBatches(sampler, 3), 14 - start)) == whole[start:]


def test_skipping_a_growing_stream_is_no_replay(build):
    sampler = growing(build(labeled=1, unlabeled=1))
    sampler.skip(sampler.before(10**14))
    (requests,) = islice(sampler.batches(), 1)
    assert len(requests) == 8
    assert requests[0].serial == 2 * 3 + 3 * 2 + 2 + 4 * (10**14 - 7)


def test_a_schedule_without_growth_changes_the_size_alone(build):
    sampler = build(labeled=2, unlabeled=1)
    sampler.crop_schedule = CropSchedule([(3, 8), (5, 16)])
    plain = take(build(labeled=2, unlabeled=1), 30)
    assert [r._replace(crop_size=None) for r in take(sampler, 30)] == plain
