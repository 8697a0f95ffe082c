"""Means, gains, ranks and what tells rows apart."""

import math

import pytest

from semiseg_mm.leaderboard.columns import COLUMNS, raw, title_of
from semiseg_mm.leaderboard.gains import paired_gain
from semiseg_mm.leaderboard.results import find_results
from semiseg_mm.leaderboard.rows import make_rows
from semiseg_mm.records import Record
from semiseg_mm.testing.records import toy_record


def rows_of(*facts):
    results, _ = find_results(Record(one, 'a.jsonl', k) for k, one in enumerate(facts))
    return make_rows(results)


def runs(method, *scores, **facts):
    return [toy_record(method, seed, score, **facts) for seed, score in enumerate(scores)]


def test_a_gain_is_paired_by_seed():
    """Differences 1, 2, 3: t = 2 √3; with two degrees of freedom p = 1 - t / √(t² + 2)."""
    gain = paired_gain({0: 61.0, 1: 64.0, 2: 60.0, 7: 99.0}, {2: 57.0, 0: 60.0, 1: 62.0, 5: 1.0})
    t = 2 * math.sqrt(3)
    assert gain[:3] == (2.0, 1.0, 3)
    assert gain.p == pytest.approx(1 - t / math.sqrt(t**2 + 2))


def test_a_gain_needs_pairs():
    assert paired_gain({0: 61.0}, {1: 60.0}) is None
    assert paired_gain({0: 61.0}, {0: 60.0}) == (1.0, None, 1, None)
    assert paired_gain({0: 61.0, 1: 62.0}, {0: 60.0, 1: 61.0}) == (1.0, 0.0, 2, None)  # no p


def test_rows_are_ranked_by_the_last_iteration():
    passing = [toy_record('cps', k, 99.0 - k, iteration=1, chosen='passing') for k in (0, 1)]
    rows = rows_of(*passing, *runs('cps', 60.0, 62.0), *runs('dmt', 64.0), *runs('ael', 64.0))
    assert [(row.rank, row.name) for row in rows] == [(1, 'ael'), (1, 'dmt'), (3, 'cps')]
    assert rows[2].last == (61.0, pytest.approx(math.sqrt(2))) and rows[0].last == (64.0, None)
    assert rows[2].best == (98.5, pytest.approx(1 / math.sqrt(2)))
    assert rows[0].best == (None, None)  # one validation is recorded: there may have been others


def test_every_network_of_a_method_has_a_row_and_one_has_the_rank():
    cps = [toy_record('cps', evaluated=f'net_{k}', score=60.0 + k) for k in (0, 1)]
    fixmatch = [toy_record(evaluated=k, score=s) for k, s in (('student', 60.7), ('teacher', 60.5))]
    rows = rows_of(*cps, *fixmatch)
    assert [(row.evaluated, row.rank) for row in rows] == [
        ('net_1', None),
        ('student', None),
        ('teacher', 1),
        ('net_0', 2),
    ]
    assert [title_of(row) for row in rows] == ['cps', 'fixmatch', 'fixmatch', 'cps']


def gain_of(row):
    return row.no_gain or row.gain.mean


def test_the_yardstick_has_as_many_iterations_and_the_same_crop_and_labels():
    base = runs('sup_only', 60.0, 61.0)
    assert [gain_of(row) for row in rows_of(*base, *runs('cps', 65.0, 67.0))] == [
        5.5,
        'the yardstick',
    ]
    for other in (
        dict(total_iterations=3000),
        dict(crop=[32, 32]),
        dict(batch=dict(labeled=4, unlabeled=8)),
    ):
        row = rows_of(*base, *runs('cps', 65.0, **other))[0]
        assert 'with the same iterations, crop and labeled batch' in row.no_gain
    assert rows_of(*runs('cps', 65.0))[0].no_gain == 'no SupOnly here'
    late = toy_record('cps', 7, 65.0)
    assert rows_of(*base, late)[0].no_gain == 'no seed in common with SupOnly'


def test_another_training_on_the_labels_alone_is_a_method():
    colours = runs('colours', 64.0, 65.0, model='SupOnly')
    rows = rows_of(*runs('sup_only', 60.0, 61.0), *colours, *runs('cps', 66.0, 67.0))
    assert [gain_of(row) for row in rows] == [6.0, 4.0, 'the yardstick']
    assert [title_of(row) for row in rows] == ['cps', 'colours (SupOnly)', 'sup_only']
    more = runs('ours', 63.0, 62.0, model='SupOnly')
    rows = rows_of(*colours, *more, *runs('cps', 66.0, 67.0))
    assert all('none is the yardstick' in row.no_gain for row in rows)


def test_one_training_on_the_labels_alone_is_the_yardstick_whatever_its_name():
    alone = runs('cps', 60.0, 61.0, model='SupOnly', config_sha256='b' * 64)  # --sup-only
    rows = rows_of(*runs('cps', 66.0, 67.0), *alone)
    assert [(title_of(row), gain_of(row)) for row in rows] == [
        ('cps', 6.0),
        ('cps (SupOnly)', 'the yardstick'),
    ]


def test_configs_of_a_method_are_told_apart():
    long = runs('cps', 66.0, config_sha256='b' * 64, total_iterations=3000)
    assert [title_of(row) for row in rows_of(*runs('cps', 65.0), *long)] == [
        'cps (3000 iterations)',
        'cps (1000 iterations)',
    ]
    other = runs('cps', 66.0, config_sha256='b' * 64)
    assert title_of(rows_of(*runs('cps', 65.0), *other)[0]) == f'cps ({"b" * 12})'
    small = runs('cps', 66.0, config_sha256='c' * 64, batch=dict(labeled=4, unlabeled=4))
    assert title_of(rows_of(*runs('cps', 65.0), *small)[0]) == 'cps (batch 4 + 4)'


@pytest.mark.parametrize(
    ('fact', 'said'),
    [
        (dict(total_iterations=3000), '3000 iterations'),
        (dict(batch=dict(labeled=16, unlabeled=16), processes=2), 'batch 16 + 16, processes 2'),
        (dict(crop=[32, 32]), 'crop 32×32'),
        (dict(precision='bfloat16'), 'bfloat16'),
    ],
)
def test_runs_of_one_config_that_differ_in_a_setting_are_no_seeds_of_one_row(fact, said):
    rows = rows_of(toy_record('cps', 0, 65.0), toy_record('cps', 1, 66.0, **fact))
    assert [len(row.results) for row in rows] == [1, 1]
    assert title_of(rows[0]) == f'cps ({said})'


@pytest.mark.parametrize('fact', [dict(device='gpu'), dict(threads=8)])
def test_times_of_two_machines_have_no_mean(fact):
    (row,) = rows_of(toy_record(seed=0), toy_record(seed=1))
    assert (row.seconds, row.memory) == (98.0, 512)
    (row,) = rows_of(toy_record(seed=0), toy_record(seed=1, **fact))
    assert (row.seconds, row.memory) == (None, None)


def test_classes_are_averaged_over_the_seeds_that_have_them():
    facts = {0.0: dict(ball=0.0, star=None), 65.0: dict(ball=50.0, star=80.0, slab=None)}
    (row,) = rows_of(
        *(toy_record('cps', k, mean, per_class=facts[mean]) for k, mean in enumerate(facts))
    )
    assert row.per_class == dict(ball=25.0, star=80.0, slab=None)


def test_numbers_for_people_and_for_programs():
    base, better = runs('sup_only', 60.0, 61.0), runs('cps', 64.0, 66.0, device='gpu', seconds=9.6)
    row = rows_of(*base, *better)[0]
    cells = {column.name: column.text(row) for column in COLUMNS}
    assert cells['mIoU (last)'] == '65.00 ± 1.41' and cells['over SupOnly'] == '+4.50 ± 0.71'
    assert (cells['batch'], cells['crop'], cells['seconds']) == ('8 + 8', '64×64', '10')
    more = [column.more(row) for column in COLUMNS if column.more(row)]
    assert more == ['0, 1', 'p = 0.070, n = 2']
    found = raw(row)
    assert (found['last'], found['gain'], found['seeds'], found['devices']) == (
        65.0,
        4.5,
        '0 1',
        'gpu',
    )
