"""Two processes on CPU rank and label as one does, through the script that users start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from semiseg_mm.testing.stages import contents, redone, toy_stages

TOOLS = Path(__file__).parents[3] / 'tools'
ACTIONS = ('02_ranking', '03_reliable_labels')


def test_same_ranking_labels_and_lists_from_the_same_teacher(finished, tmp_path):
    shutil.copytree(finished / '01_teacher', tmp_path / 'run/01_teacher')
    cfg = toy_stages(tmp_path / 'run')
    cfg.stages = cfg.stages[:3]
    cfg.stages[1].workers = 1
    cfg.dump(tmp_path / 'config.py')
    done = subprocess.run(
        ['bash', str(TOOLS / 'dist_train.sh'), str(tmp_path / 'config.py'), '2'],
        env=dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1'),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split(' INFO - ')[-1] for line in (done.stdout + done.stderr).splitlines()]
    assert redone(lines) == list(ACTIONS)
    for folder in ACTIONS:
        expected = contents(finished / folder)
        assert contents(tmp_path / 'run' / folder) == expected
        assert len([name for name in expected if name.startswith('chunks')]) > 1  # both had some
