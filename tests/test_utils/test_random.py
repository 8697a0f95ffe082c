import random

import numpy as np
import pytest
import torch

from semiseg_mm.utils import preserved_rng, seed_all


def draw():
    return random.random(), float(np.random.rand()), torch.rand(()).item()


def drawn(*key):
    seed_all(*key)
    return draw()


def test_a_key_fixes_all_three_generators():
    draw()
    assert drawn(1, 2, 3) == drawn(1, 2, 3)


@pytest.mark.parametrize('other', [(1, 2, 4), (1, 3, 3), (2, 2, 3), (3, 2, 1), (1, 2)])
def test_every_part_of_a_key_counts(other):
    for one, two in zip(drawn(1, 2, 3), drawn(*other)):
        assert one != two


def test_the_three_generators_are_not_seeded_alike():
    """Generators of one kind with one seed would draw the same numbers."""
    seed_all(5)
    seed = torch.initial_seed()
    numpy_state = np.random.get_state()[1]
    assert random.getstate() != random.Random(seed).getstate()
    assert (numpy_state != np.random.RandomState(seed % 2**32).get_state()[1]).any()


def test_large_keys_are_told_apart():
    assert drawn(2**32 + 1) != drawn(1)


def test_what_happens_inside_leaves_no_trace():
    expected = drawn(8)
    seed_all(8)
    with preserved_rng():
        seed_all(9)
        draw()
    assert draw() == expected


def test_not_even_if_it_fails():
    expected = drawn(8)
    seed_all(8)
    with pytest.raises(RuntimeError), preserved_rng():
        draw()
        raise RuntimeError
    assert draw() == expected


def test_preserving_does_not_seed():
    """Inside, the callers' streams go on."""
    expected = drawn(8)
    seed_all(8)
    with preserved_rng():
        assert draw() == expected
