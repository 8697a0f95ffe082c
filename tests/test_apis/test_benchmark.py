import numpy as np
import pytest

from semiseg_mm.apis.benchmark import run_benchmark
from semiseg_mm.apis.benchmark.measure import compare


@pytest.mark.parametrize(
    ('arguments', 'names'),
    [
        (['data', '--images', '1'], ['2048x1024 PNG, crop 801', '2 strong views, antialiased']),
        (['models'], ['Mean Teacher', 'CPS + CutMix', 'skip']),
    ],
)
def test_it_prints_what_was_measured(arguments, names, capsys):
    """Runs, on few images; what the figures are is for people to read, not for a test."""
    assert run_benchmark([*arguments, '--rounds', '1']) == 0
    printed = capsys.readouterr().out
    for name in names:
        assert name in printed


def test_a_folder_of_ones_own(make_folder, capsys):
    folder = make_folder(1, 3, (40, 60), 2)
    own = ['--folder', str(folder / 'more'), '--crop', '32', '--rounds', '1']
    assert run_benchmark(['data', *own]) == 0
    assert 'more, crop 32' in capsys.readouterr().out
    assert run_benchmark(['data', '--folder', str(folder)]) == 1
    assert 'No image (.jpg' in capsys.readouterr().err


def test_variants_take_turns_under_the_same_seed():
    """So that what is random in them is the same work."""
    drawn = [[], []]
    seconds = compare(3, *(lambda own=own: own.append(np.random.rand()) for own in drawn))
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 4
    assert all(value > 0 for value in seconds)
