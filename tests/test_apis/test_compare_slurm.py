"""compare's trainings as an array job: Slurm's commands are fakes, scripts and trainings real."""

import json
import os
import subprocess
import sys

import pytest
from processes import forked

from semiseg_mm.apis import compare
from semiseg_mm.apis.processes import training_process as training
from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.testing import toy_config

ITERS = 6
TOOLS = dict(  # sbatch numbers its jobs from 7 on; squeue lists what the file queue says
    sbatch='echo "$@" >>calls; echo $((6 + $(wc -l <calls)))',
    squeue='cat queue',
    python='printf "%s\\0" "$@" >argv; env -0 >environment',
)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    (tmp_path / 'bin').mkdir()
    for name, code in TOOLS.items():
        tool = tmp_path / 'bin' / name
        tool.write_text(f'#!/bin/bash\ncd {tmp_path}\n{code}\n')
        tool.chmod(0o755)
    (tmp_path / 'queue').touch()
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'), prepend=os.pathsep)
    monkeypatch.setattr(training.sys, 'executable', str(tmp_path / 'bin/python'))
    toy_config('unused', dict(type='SupOnly'), ITERS).dump(tmp_path / 'toy.py')
    return tmp_path


def run_task(folder, number):
    """Do what a node does with a task; its Python is forked."""
    script = folder / 'all/array.sh'
    env = dict(os.environ, SLURM_ARRAY_TASK_ID=str(number))
    subprocess.run(['bash', str(script)], env=env, cwd='/', check=True)
    words, found = ((folder / name).read_text() for name in ('argv', 'environment'))
    env = dict(item.split('=', 1) for item in found.split('\0')[:-1])
    assert env['OMP_NUM_THREADS'] == '1' and env['PWD'] != '/'
    done = forked(words.split('\0')[:-1], env=env)
    assert done.returncode == 0, done.stderr


def test_an_array_trains_what_compare_would(slurm, monkeypatch, capsys):
    def call(*options):
        words = ['--methods', 'sup_only', 'fixmatch', '--seeds', '3', *options]
        code = compare.main([str(slurm / 'toy.py'), *words, '--work-dir', str(slurm / 'all')])
        return code, ' '.join(''.join(capsys.readouterr()).split())

    array, calls = ('--launcher', 'slurm', '--jobs', '1'), slurm / 'calls'
    monkeypatch.setenv('SBATCH_ARGS', "-p 'my part'")
    code, said = call(*array)
    assert code == 0 and 'Slurm job 7: 2 trainings, one a task' in said
    script = (slurm / 'all/array.sh').read_text()
    assert '#SBATCH --array=0-1%1\n' in script
    assert calls.read_text() == f'--parsable -p my part {slurm}/all/array.sh\n'

    (slurm / 'queue').write_text('0\n1\n')
    code, said = call(*array)
    assert code == 0 and 'Slurm job 7: 2 trainings wait or run, 0 of 2 have a result' in said
    code, said = call()
    assert code == 1 and 'scancel 7' in said
    run_task(slurm, 0)

    (slurm / 'queue').write_text('')  # the second task came to nothing
    (slurm / 'all/fixmatch/seed_3/train.log').touch()
    code, said = call(*array)
    assert code == 0 and 'fixmatch, seed 3 ended without a result in job 7' in said
    assert 'Slurm job 8: 1 trainings' in said
    run_task(slurm, 0)
    code, said = call(*array)
    assert code == 0 and 'comparison.md' in said and len(calls.read_text().splitlines()) == 2
    assert '| fixmatch | student | 6 | 1 |' in (slurm / 'all/comparison.md').read_text()
    record = json.loads((slurm / 'all/fixmatch/seed_3/record.json').read_text())
    assert (record['status'], record['device'], record['threads']) == ('done', 'cpu', 1)

    config, other = slurm / 'all/configs/fixmatch.py', slurm / 'other'
    assert ' -m semiseg_mm train ' in script
    words = [
        '-m',
        'semiseg_mm',
        'train',
        config,
        '--work-dir',
        other,
        '--cfg-options',
        'randomness.seed=3',
    ]
    assert forked(words).returncode == 0
    hashes = [weights_hash(f / f'iter_{ITERS}.pth') for f in (other, slurm / 'all/fixmatch/seed_3')]
    assert hashes[0] == hashes[1]


def test_without_slurm_and_where_it_refuses(slurm, monkeypatch, capsys):
    words = ['--methods', 'sup_only', '--seeds', '3', '--launcher', 'slurm']
    words = [str(slurm / 'toy.py'), *words, '--work-dir', str(slurm / 'all')]
    (slurm / 'bin/sbatch').write_text('#!/bin/bash\necho "invalid partition" >&2; exit 1\n')
    assert compare.main(words) == 1
    assert 'array.sh: invalid partition. SBATCH_ARGS' in capsys.readouterr().err
    (slurm / 'bin/sbatch').unlink()
    assert compare.main(words) == 1
    assert 'sbatch is not on the PATH' in capsys.readouterr().err
    assert sys.executable == str(slurm / 'bin/python')
