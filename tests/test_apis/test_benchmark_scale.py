import os

import pytest

from semiseg_mm.apis.benchmark import run_benchmark, scale

pytestmark = pytest.mark.skipif(
    not os.path.exists('/proc/self/smaps_rollup'), reason='this system does not tell'
)


@pytest.mark.parametrize('folder', [[], ['--folder']])
def test_it_prints_seconds_and_megabytes(capsys, folder):
    """Runs, on a short list; what the figures are is for people to read, not for a test."""
    few = ['--images', '300', '--workers', '2', '--iterations', '3']
    assert run_benchmark(['scale', *few, *folder]) == 0
    printed = capsys.readouterr().out
    for what in ('build SemiDataset', 'start-up, sum', 'spawned worker', 'worker 1 after'):
        assert what in printed


def test_memory_of_this_process():
    block = bytearray(b'x') * 50_000_000
    with_block = scale.memory(os.getpid())
    assert with_block['private'] > len(block) and with_block['share'] >= with_block['private']
