"""Real comparisons of toy trainings: resumed, in parallel, with a failure."""

import csv
import json
import subprocess
import time

import pytest

from semiseg_mm.apis import compare
from semiseg_mm.apis.compare.methods import METHODS
from semiseg_mm.apis.processes import schedule
from semiseg_mm.apis.processes import training_process as training
from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.testing import toy_config
from semiseg_mm.utils import read_lines

ITERS = 40
pytestmark = pytest.mark.usefixtures('forked_trainings')


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    """A leaf of one file; rare classes weigh more, so that not all is background."""
    path = tmp_path_factory.mktemp('base') / 'toy.py'
    weights = {'model.segmentor.decode_head.loss_decode.class_weight': [0.2] + [1.0] * 6}
    toy_config('unused', dict(type='SupOnly'), ITERS, **weights).dump(path)
    return path


def call(base, work_dir, *more, methods=('sup_only', 'fixmatch'), seeds=(0,), jobs=1):
    options = ['--seeds', *map(str, seeds), '--jobs', str(jobs), '--work-dir', str(work_dir)]
    return compare.main([str(base), '--methods', *methods, *options, *more])


def results(work_dir):
    """Weights and scores, without times."""
    found = {}
    for name in ('sup_only', 'fixmatch'):
        folder = work_dir / name / 'seed_0'
        found[name] = (
            weights_hash(folder / f'iter_{ITERS}.pth'),
            json.loads((folder / 'record.json').read_text())['networks'],
        )
    return found


def times(work_dir):
    kinds = ('.pth', '.log')
    return {f: f.stat().st_mtime_ns for f in work_dir.rglob('*') if f.suffix in kinds}


@pytest.fixture(scope='module')
def finished(base, forked_trainings, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('one_by_one')
    assert call(base, work_dir) == 0
    return work_dir


def test_a_record_says_all(finished, base):
    record = json.loads((finished / 'fixmatch/seed_0/record.json').read_text())
    expected = dict(
        method='fixmatch',
        model='WeakToStrongSegmentor',
        seed=0,
        base=str(base),
        dataset='Shapes',
        labels=5,
        unlabeled=7,
        batch=dict(labeled=2, unlabeled=2),
        iterations=ITERS,
        total_iterations=ITERS,
        metric='mIoU',
        status='done',
        device='cpu',
    )
    assert {key: record[key] for key in expected} == expected
    own = json.loads((finished / 'fixmatch/seed_0/results.json').read_text())
    assert record['networks'] == own['networks'] and set(own['networks']) == {'student', 'teacher'}
    assert record['networks']['student']['mIoU']['last_iter'] == ITERS
    assert record['validations'] == len(own['history']) > 0
    assert record['seconds'] > ITERS * record['seconds_per_iter'] / 10 > 0
    assert {'labeled', 'unlabeled', 'masks', 'name'} == set(record['split'])
    assert record['network']['name'] == 'EncoderDecoder(ToyBackbone, FCNHead)'
    assert len(record['config_hash']) == 64 and 'torch' in record['versions']


def test_files_and_records_agree(finished):
    rows = list(csv.DictReader((finished / 'comparison.csv').read_text().splitlines()))
    named = [(row['method'], row['network']) for row in rows]
    assert named[0] == ('sup_only', 'student')
    assert sorted(named[1:]) == [('fixmatch', 'student'), ('fixmatch', 'teacher')]
    scores = {row: results(finished)[row[0]][1][row[1]]['mIoU']['last'] for row in named}
    for row, name in zip(rows, named):
        assert float(row['last']) == scores[name]
    gain = scores[named[1]] - scores[named[0]]
    assert float(rows[1]['gain']) == pytest.approx(gain) and rows[0]['gain'] == ''
    text = (finished / 'comparison.md').read_text()
    assert f'| sup_only | student | {ITERS} | 1 | {scores[named[0]]:.2f} | - |' in text
    assert f'{gain:+.2f}' in text and '5 labeled' in text


def test_in_pieces_and_in_parallel_it_comes_to_the_same(
    finished, base, tmp_path, monkeypatch, capsys
):
    """The first piece ends by --minutes, the second one by Ctrl-C."""
    run_all, sleep = compare.run_all, time.sleep
    over: list[bool] = []

    def cut_call(end, when, *more, jobs):
        def cut(runs, watch, *arguments):
            def look(left):
                watch(left)
                if any(when(run.iter) for run in runs):
                    end()

            return run_all(runs, look, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(compare, 'run_all', cut)
            patch.setattr(schedule.time, 'sleep', lambda _: sleep(0.01))  # it looks more often
            patch.setattr(schedule.Deadline, 'is_over', lambda _: bool(over))
            return call(base, tmp_path, *more, jobs=jobs)

    def interrupt():
        raise KeyboardInterrupt

    minutes = ('--minutes', '5')
    assert cut_call(lambda: over.append(True), lambda at: at >= 3, *minutes, jobs=1) == 75
    said = ' '.join(capsys.readouterr().out.split())
    assert '5 minutes are over: ' in said and 'of 2 runs are not finished. The same' in said
    table, rows = (tmp_path / f'comparison.{kind}' for kind in ('md', 'csv'))
    for row in csv.DictReader(rows.read_text().splitlines()):
        saved = max(checkpoints(str(tmp_path / row['method'] / 'seed_0')), default=0)
        note = f'{row["method"]} (seed 0: {saved} of {ITERS} iterations)'
        assert (note in table.read_text()) == (row['runs'] == '0') == (row['last'] == '')
    assert '**Not finished, so in no row: ' in table.read_text()
    over.clear()

    assert cut_call(interrupt, lambda at: 6 <= at < ITERS, jobs=2) == 130
    records = [json.loads(file.read_text()) for file in tmp_path.glob('*/*/record.json')]
    assert 'started' in [record['status'] for record in records]
    begun = [folder for folder in tmp_path.glob('*/seed_0') if any(folder.glob('iter_*.pth'))]
    assert call(base, tmp_path, *minutes, jobs=2) == 0
    assert 'Not finished' not in table.read_text()
    assert results(tmp_path) == results(finished)
    assert begun
    for folder in begun:  # went on from a checkpoint: the first iteration was made once
        logs = list(folder.glob('*/vis_data/scalars.json'))
        steps = [row.get('iter') for log in logs for row in read_lines(log)[0]]
        assert steps.count(1) == 1 and max(step or 0 for step in steps) == ITERS


def test_another_seed_and_a_failure_leave_the_rest(finished, base, capsys):
    before = times(finished)
    options = ('--method-options', 'broken:model.filter.type=nonsense')
    methods = ('sup_only', 'broken=fixmatch')
    assert call(base, finished, *options, methods=methods, seeds=(0, 1), jobs=3) == 1
    printed = capsys.readouterr().out
    assert f'sup_only, seed 0: {ITERS}/{ITERS} reused' in printed
    assert 'broken, seed 0 failed. The end of its log' in printed and 'nonsense' in printed
    assert 'No result: broken, seed 0, broken, seed 1.' in printed
    rows = list(csv.DictReader((finished / 'comparison.csv').read_text().splitlines()))
    assert [(row['method'], row['runs'], row['seeds']) for row in rows] == [
        ('sup_only', '2', '0 1'),
        ('broken', '0', ''),
    ]
    assert {f: t for f, t in times(finished).items() if f in before} == before
    weights = [finished / f'sup_only/seed_{seed}/iter_{ITERS}.pth' for seed in (0, 1)]
    assert weights_hash(weights[0]) != weights_hash(weights[1])


def test_a_changed_option_is_noticed_before_anything_runs(finished, base, capsys):
    before = times(finished)
    assert call(base, finished, '--cfg-options', 'optim_wrapper.optimizer.lr=0.5') == 1
    error = capsys.readouterr().err
    assert 'optim_wrapper.optimizer.lr was 0.01, is 0.5' in error and '--work-dir' in error
    record = json.loads((finished / 'sup_only/seed_0/record.json').read_text())
    assert record['config_hash'][:12] in error
    assert call(base, finished, '--iters', '20') == 1
    assert f'train_cfg.max_iters was {ITERS}, is 20' in capsys.readouterr().err
    options = ('--method-options', 'fixmatch:model.filter.value=0.5')
    assert call(base, finished, *options) == 1
    assert 'model.filter.value was 0.95, is 0.5' in capsys.readouterr().err
    number = 'train_dataloader.dataset.labeled.num_images=4'
    assert call(base, finished, '--cfg-options', number) == 1
    assert 'images.labeled: other images' in capsys.readouterr().err
    assert times(finished) == before


def test_a_piece_that_is_too_short_is_an_error(base, tmp_path, capsys):
    """Or a script would call it forever: here no training may even start."""
    assert call(base, tmp_path, '--minutes', '0.1') == 1
    said = capsys.readouterr()
    assert 'In 0.1 minutes no training came to anything' in said.err
    assert 'fixmatch (seed 0: 0 of 40 iterations)' in said.out
    assert not list(tmp_path.glob('*/seed_0'))


def test_a_folder_without_a_record_is_left_alone(base, tmp_path, capsys):
    folder = tmp_path / 'sup_only/seed_0'
    folder.mkdir(parents=True)
    (folder / 'iter_3.pth').touch()
    assert call(base, tmp_path) == 1
    assert 'no record.json' in capsys.readouterr().err


def test_the_report_says_what_the_method_of_the_base_lost(tmp_path, capsys, monkeypatch):
    """And that one process has half of the images that the rate is meant for. Nothing is forked."""
    monkeypatch.setattr(training, 'Popen', subprocess.Popen)
    model = dict(type='WeakToStrongSegmentor', weight=3.0)
    cfg = toy_config('unused', model, 2, auto_scale_lr=dict(base_batch_size=8))
    path = tmp_path / 'leaf.py'
    path.write_text(f'_base_ = {str(METHODS / "fixmatch.py")!r}\n{cfg.pretty_text}')
    assert call(path, tmp_path / 'run', methods=('fixmatch',)) == 0
    said = ' '.join(capsys.readouterr().out.split())
    assert 'written for 8 images an iteration (2 x 4), this run has 4 (1 x 4)' in said
    assert '--cfg-options auto_scale_lr.enable=True multiplies the learning rate by 0.5' in said
    note = 'not those of the base: model.weight was 3.0, is 0.5. To keep'
    assert said.count(note) == 2  # before the runs, and under the table
    assert (
        f'- fixmatch has the settings of configs/_base_/methods, {note}'
        in (tmp_path / 'run/comparison.md').read_text()
    )
