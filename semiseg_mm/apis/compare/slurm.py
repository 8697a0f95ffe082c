"""Trainings as tasks of a Slurm array: each runs the command that compare itself would start."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from semiseg_mm.apis.processes import own_environment
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_write_text
from semiseg_mm.utils.places import short_path

from .machine import threads
from .run import Run

SCRIPT, JOB = 'array.sh', 'array.job'


def refuse_if_queued(work_dir: Path) -> None:
    """Stop a call that would train what an array is about to train."""
    job, tasks = queued(work_dir)
    if tasks:
        raise UserError(
            f'{len(tasks)} trainings of {work_dir} wait or run as tasks of the Slurm job {job}: '
            f'wait for them, or end them with scancel {job}.'
        )


def queued(work_dir: Path) -> tuple[str | None, list[str]]:
    """Return the last array job of a folder, and its tasks that wait or run."""
    file = work_dir / JOB
    job = file.read_text().strip() if file.is_file() else None
    if not job:
        return None, []
    try:
        words = ['squeue', '--noheader', '--array', '--format=%K', f'--jobs={job}']
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError(
            f'{file} names the Slurm job {job}, and squeue, which knows whether it has ended, is '
            'not on the PATH: call this where Slurm is, or remove that file if it has.'
        ) from None
    return job, done.stdout.split()  # of a job that Slurm has forgotten: none


def submit(runs: Sequence[Run], work_dir: Path, at_once: int | None) -> str:
    """Hand the trainings to sbatch; return the job's number.

    ``SBATCH_ARGS`` are more of its options, which count before those in the script.
    """
    script = work_dir / SCRIPT
    atomic_write_text(str(script), script_of(runs, at_once))
    for run in runs:
        run.begin()
    words = ['sbatch', '--parsable', *shlex.split(os.environ.get('SBATCH_ARGS', '')), str(script)]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        raise UserError(
            f'sbatch is not on the PATH. {script} is written: hand it to sbatch where Slurm is, or '
            'leave --launcher slurm out.'
        ) from None
    job = done.stdout.strip().split(';')[0]
    if done.returncode or not job:
        said = (done.stderr or done.stdout).strip()
        raise UserError(f'sbatch did not take {script}: {said}. SBATCH_ARGS holds its options.')
    atomic_write_text(str(work_dir / JOB), f'{job}\n')
    return job


def script_of(runs: Sequence[Run], at_once: int | None) -> str:
    """Write a task for each training, with the environment that it would have here."""
    tasks = f'0-{len(runs) - 1}' + (f'%{at_once}' if at_once else '')
    environment = own_environment(threads()).items()
    cases = [
        f'{k}) exec {shlex.join(run.command)} >>{shlex.quote(str(run.log))} 2>&1 ;;'
        for k, run in enumerate(runs)
    ]
    return '\n'.join(
        [
            '#!/usr/bin/env bash',
            '# Written by semiseg_mm compare --launcher slurm; a task is a training.',
            '#SBATCH --job-name=compare',
            f'#SBATCH --array={tasks}',
            '#SBATCH --gres=gpu:1',
            f'#SBATCH --cpus-per-task={os.environ.get("CPUS_PER_TASK", "5")}',
            '#SBATCH --output=/dev/null',  # each task has its own log
            *(f'export {name}={shlex.quote(value)}' for name, value in environment),
            f'cd {shlex.quote(os.getcwd())} || exit 1',
            'case $SLURM_ARRAY_TASK_ID in',
            *cases,
            'esac',
            '',
        ]
    )


def train_as_array(runs: list[Run], work_dir: Path, at_once: int | None) -> bool:
    """Submit what has no result, unless it is in the queue. Return whether all have one."""
    waiting = [run for run in runs if run.phase == 'waiting']
    job, tasks = queued(work_dir)
    if tasks:
        print(
            f'Slurm job {job}: {len(tasks)} trainings wait or run, {len(runs) - len(waiting)} of '
            f'{len(runs)} have a result. The same command collects them once the job has ended.'
        )
        return False
    if not waiting:
        return True
    for run in waiting:
        if job and run.log.is_file():
            print(f'{run.method.title} ended without a result in job {job}: {short_path(run.log)}')
    job = submit(waiting, work_dir, at_once)
    print(
        f'Slurm job {job}: {len(waiting)} trainings, one a task, written in '
        f'{short_path(work_dir / SCRIPT)}. The same command collects their results.'
    )
    return False
