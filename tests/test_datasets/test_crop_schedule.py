import pytest

from semiseg_mm.datasets.crop_schedule import CropSchedule, sweep, with_growth
from semiseg_mm.errors import UserError

SIZES = [8, 4, 6]


def test_coarse2fine_goes_from_small_to_large_in_equal_parts():
    """12 iterations, 3 sizes: 4 each."""
    assert sweep('coarse2fine', SIZES, 12) == [(4, (4, 4)), (8, (6, 6)), (12, (8, 8))]


def test_fine2coarse_is_the_reverse():
    assert [crop for _, crop in sweep('fine2coarse', SIZES, 12)] == [(8, 8), (6, 6), (4, 4)]


def test_warmup_comes_first_at_the_largest_size_and_shortens_the_rest():
    """3 iterations of warm-up, then 9 in three parts of 3."""
    assert sweep('coarse2fine', SIZES, 12, warmup=3) == [
        (3, (8, 8)),
        (6, (4, 4)),
        (9, (6, 6)),
        (12, (8, 8)),
    ]


def test_plus_repeats_the_sweep():
    crops = [crop[0] for _, crop in sweep('coarse2fine+', SIZES, 12, cycles=2)]
    assert crops == [4, 6, 8, 4, 6, 8]
    assert [end for end, _ in sweep('coarse2fine+', SIZES, 12, cycles=2)] == [2, 4, 6, 8, 10, 12]
    assert len(sweep('coarse2fine', SIZES, 12, cycles=2)) == 3  # cycles belong to '+'


def test_constant_is_the_largest():
    assert sweep('constant', SIZES, 12, warmup=3) == [(12, (8, 8))]


def test_uneven_parts_end_exactly_at_the_end():
    assert [end for end, _ in sweep('coarse2fine', SIZES, 10)] == [3, 6, 10]


def test_the_size_is_that_of_the_phase_an_iteration_lies_in():
    """Phases end before their end: iteration 4 is the first of the second phase."""
    schedule = CropSchedule([(4, 8), (6, (4, 6))])
    assert [schedule.at(k) for k in (0, 3, 4, 5)] == [(8, 8), (8, 8), (4, 6), (4, 6)]
    assert schedule.at(99) == (4, 6)


def test_cost_is_counted_in_pixels():
    """Half the iterations at 4x4, half at 8x8: (16 + 64) / (2 * 64) = 0.625."""
    assert CropSchedule([(5, 4), (10, 8)]).relative_cost() == pytest.approx(0.625)


@pytest.mark.parametrize('phases', [[], [(5, 4), (5, 8)], [(5, 4), (3, 8)], [(0, 4)]])
def test_ends_must_rise(phases):
    with pytest.raises(UserError, match='must rise'):
        CropSchedule(phases)


def test_sides_must_be_multiples_of_the_divisor():
    with pytest.raises(UserError, match='6x6 is no multiple of 4'):
        CropSchedule([(5, 8), (10, 6)], divisor=4)


def test_impossible_plans_are_refused():
    with pytest.raises(UserError, match='leave no room'):
        sweep('coarse2fine', SIZES, 12, warmup=10)
    with pytest.raises(UserError, match="none of 'constant'"):
        sweep('fine2fine', SIZES, 12)


# ------------------------------------------------------------------ batches that grow

EXPLICIT = [(2, 4, 3), (5, (4, 6), 2), (7, 8)]  # rows: 2 x 3, 3 x 2, 2 x 1


def test_an_explicit_list_may_name_the_batch():
    schedule = CropSchedule(EXPLICIT)
    assert schedule.grows
    assert [schedule.phase(k).batch for k in range(9)] == [3, 3, 2, 2, 2, 1, 1, 1, 1]
    assert [schedule.at(k) for k in (1, 2, 6)] == [(4, 4), (4, 6), (8, 8)]
    assert str(schedule) == 'to 2: 4x4, batch x 3; to 5: 4x6, batch x 2; to 7: 8x8'


def test_rows_are_counted_over_all_phases():
    """By hand; after the last phase its batch goes on."""
    schedule = CropSchedule(EXPLICIT)
    assert [schedule.rows_before(k) for k in range(10)] == [0, 3, 6, 8, 10, 12, 13, 14, 15, 16]
    assert [schedule.locate(row) for row in (0, 2, 3, 6, 11, 12, 14)] == [
        (0, 0),
        (0, 2),
        (1, 0),
        (2, 0),
        (4, 1),
        (5, 0),
        (7, 0),
    ]


@pytest.mark.parametrize('last', [1, 4])
def test_locating_is_the_inverse_of_counting(last):
    schedule = CropSchedule([(2, 4, 3), (5, 6, 2), (7, 8, last)])
    for iteration in [*range(30), 10**15]:
        first = schedule.rows_before(iteration)
        for within in range(schedule.phase(iteration).batch):
            assert schedule.locate(first + within) == (iteration, within)


def test_without_growth_a_row_is_an_iteration():
    schedule = CropSchedule([(4, 8), (6, 4)])
    assert not schedule.grows
    assert [schedule.rows_before(k) for k in range(9)] == list(range(9))
    assert [schedule.locate(k) for k in range(9)] == [(k, 0) for k in range(9)]


def test_growth_fills_the_largest_area():
    """64 / 16 = 4, 64 / 36 = 1.8, 64 / 32 = 2."""
    phases = with_growth([(1, 4), (2, 6), (3, (4, 8)), (4, 8)])
    assert [phase.batch for phase in phases] == [4, 1, 2, 1]
    assert [phase.batch for phase in with_growth(sweep('coarse2fine', SIZES, 12, 3))] == [
        1,
        4,
        1,
        1,
    ]


def test_cost_counts_the_grown_batch():
    """2 x 3 x 16, 3 x 2 x 24 and 2 x 64 pixels, of 7 x 64."""
    assert CropSchedule(EXPLICIT).relative_cost() == pytest.approx((96 + 144 + 128) / 448)


def test_growth_and_named_batches_exclude_each_other():
    with pytest.raises(UserError, match='grow_batch=True and phases that name their batch'):
        with_growth(EXPLICIT)


@pytest.mark.parametrize('batch', [0, -1, 1.5])
def test_impossible_batches_are_refused(batch):
    with pytest.raises(UserError, match='whole number of times'):
        CropSchedule([(5, 4, batch)])
