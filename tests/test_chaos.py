"""The tool that disturbs trainings must be able to find a loss."""

from pathlib import Path

from processes import forked

CHAOS = Path(__file__).parents[1] / 'tools/dev/chaos.py'


def test_it_finds_what_a_broken_guard_lets_through(tmp_path):
    """Flipped bits, where nobody compares checksums."""
    words = ['--kinds', 'bit_flip', '--targets', 'sup_only', '--faults', 2, '--seed', 2]
    done = forked([CHAOS, *words, '--jobs', 1, '--folder', tmp_path, '--without', 'checksums'])
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'bit_flip, sup_only' in done.stdout and 'other results without a word' in done.stdout


def test_a_target_has_the_faults_that_fit_it():
    done = forked([CHAOS, '--kinds', 'broken_image', '--targets', 'cps'])
    assert done.returncode == 1 and 'None of these targets' in done.stderr
