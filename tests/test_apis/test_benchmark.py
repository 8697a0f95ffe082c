from semiseg_mm.apis.benchmark import compare, run_benchmark


def test_it_prints_a_ratio_for_each_pair(capsys):
    """Runs, on small sizes; what the ratios are is for people to read, not for a test."""
    assert run_benchmark(['--rounds', '1', '--size', '40', '60', '--crop', '32']) == 0
    printed = capsys.readouterr().out
    for name in ('ScaleCrop', 'Mean Teacher', 'CPS + CutMix', 'skip'):
        assert name in printed


def test_variants_take_turns_under_the_same_seed():
    """So that what is random in them is the same work."""
    import numpy as np

    drawn = [[], []]
    seconds = compare(3, *(lambda own=own: own.append(np.random.rand()) for own in drawn))
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 4
    assert all(value > 0 for value in seconds)
