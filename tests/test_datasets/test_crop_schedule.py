import pytest

from semiseg_mm.datasets.crop_schedule import CropSchedule, sweep
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
    with pytest.raises(UserError, match='none of constant'):
        sweep('fine2fine', SIZES, 12)
