import contextlib
import io
import json
from types import SimpleNamespace

import cv2
import pytest

from semiseg_mm.apis import quickstart
from semiseg_mm.apis.cli import load_config
from semiseg_mm.apis.processes import schedule
from semiseg_mm.apis.processes import training_process as training
from semiseg_mm.apis.quickstart import methods
from semiseg_mm.apis.quickstart.picture import Picture
from semiseg_mm.apis.quickstart.report import conclude, make_table
from semiseg_mm.errors import UserError
from semiseg_mm.records.measured import measured
from semiseg_mm.utils.lock import locked

pytestmark = pytest.mark.usefixtures('forked_trainings')
TINY = [
    'val_dataloader.dataset.num_images=2',
    'train_dataloader.dataset.unlabeled.num_images=8',
    'train_dataloader.sampler.labeled=2',
    'train_dataloader.sampler.unlabeled=2',
    'model.segmentor.backbone.base_channels=4',
    'model.segmentor.decode_head.in_channels=4',
]


def call(work_dir, *options):
    arguments = ['--iters', '2', '--work-dir', str(work_dir), '--cfg-options', *TINY, *options]
    return quickstart.main(arguments)


@pytest.fixture(scope='module')
def finished(forked_trainings, tmp_path_factory):
    """One quickstart of three real trainings where one stands, and what it printed."""
    folder, printed = tmp_path_factory.mktemp('quickstart'), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        assert quickstart.main(['--iters', '2', '--cfg-options', *TINY]) == 0
    return folder / 'work_dirs/quickstart_2-iters', printed.getvalue()


def files(work_dir):
    return {f: f.stat().st_mtime_ns for f in work_dir.rglob('*') if f.suffix in ('.pth', '.log')}


def test_table_says_what_the_runs_say(finished):
    work_dir, printed = finished
    record = json.loads((work_dir / 'results.json').read_text())
    assert [row['key'] for row in record['methods']] == ['sup_only', 'mean_teacher', 'cps_cutmix']
    base = record['methods'][0]['mIoU']
    for row in record['methods']:
        own = json.loads((work_dir / row['key'] / 'seed_0/results.json').read_text())
        assert row['mIoU'] == own['networks'][row['network']]['mIoU']['last']
        assert row['seconds'] == own['seconds']
        line = next(x for x in printed.splitlines() if f'{row["method"]} ({row["network"]})' in x)
        cells = [cell.strip() for cell in line.split('│')[2:5]]
        assert cells[0] == f'{row["mIoU"]:.2f}'
        gain = '-' if row['key'] == 'sup_only' else f'{row["mIoU"] - base:+.2f}'
        assert cells[1] == gain
        assert cells[2] == f'{own["seconds"]:.0f}'
    assert '30 labeled and 8 unlabeled images' in printed  # not those of SupOnly alone
    assert 'shortened' in printed
    assert record['conclusion'] in printed


def test_output_into_a_pipe_is_short_and_has_no_control_codes(finished):
    printed = finished[1]
    assert '\x1b' not in printed and '\r' not in printed
    assert printed.count('CPS + CutMix: ') < 20


def test_picture(finished):
    picture = cv2.imread(str(finished[0] / 'predictions.png'))
    # panels of 64 pixels, twice as large, and gaps of 6: two rows, five columns
    assert picture.shape[1] == 6 + 5 * (128 + 6) and picture.shape[0] > 2 * 128
    for colour in ((220, 60, 60), (64, 64, 64)):  # of a class in the truth or legend: RGB
        assert (picture == colour[::-1]).all(-1).any()


def test_a_picture_is_there_before_the_end(finished, tmp_path):
    """Of what has a checkpoint; it is drawn anew when a training has come further."""

    def going_on(key, iterations):
        folder = tmp_path / key
        folder.mkdir(exist_ok=True)
        for iteration in iterations:
            source = finished[0] / key / f'seed_0/iter_{iteration}.pth'
            (folder / source.name).write_bytes(source.read_bytes())
        method = next(one for one in methods.METHODS if one.key == key)
        leaf = finished[0] / f'configs/{key}.py'
        run = SimpleNamespace(cfg=load_config(str(leaf)), folder=folder, iters=2)
        run.result = lambda: None
        return methods.Trained(method, run)

    sheet = Picture([going_on('sup_only', [1]), going_on('cps_cutmix', [])], tmp_path / 'p.png')
    sheet.follow()
    assert sheet.shown == dict(sup_only=1)
    narrow = cv2.imread(str(sheet.path)).shape[1]
    going_on('cps_cutmix', [1])
    sheet.follow()  # too soon
    assert sheet.shown == dict(sup_only=1)
    sheet.at = 0.0
    (tmp_path / 'cps_cutmix/iter_2.pth').write_bytes(b'half')
    sheet.follow()  # what cannot be read is drawn later
    assert sheet.shown == dict(sup_only=1)
    sheet.at = 0.0
    going_on('cps_cutmix', [2])
    sheet.follow()
    assert sheet.shown == dict(sup_only=1, cps_cutmix=2)
    assert cv2.imread(str(sheet.path)).shape[1] == narrow + 134


def test_second_call_reuses_and_a_failure_leaves_the_others(finished, monkeypatch, capsys):
    work_dir, _ = finished
    before = files(work_dir)
    assert call(work_dir) == 0
    assert capsys.readouterr().out.count('2/2 reused') == 3
    assert files(work_dir) == before

    broken = methods.METHODS[2]._replace(
        key='broken', title='Broken', options={'model.type': 'nonsense'}
    )
    monkeypatch.setattr(methods, 'METHODS', (*methods.METHODS[:2], broken))
    assert call(work_dir) == 1
    printed = capsys.readouterr().out
    assert 'Broken failed. The end of its log' in printed
    tail = printed.split('The end of its log')[1].splitlines()
    assert tail[2].startswith(('error:', 'Traceback')) and 'nonsense' in printed
    assert 'Mean Teacher (teacher)' in printed
    record = json.loads((work_dir / 'results.json').read_text())
    assert [row['trained'] for row in record['methods']] == [True, True, False]
    assert record['methods'][2]['mIoU'] is None
    assert {f: t for f, t in files(work_dir).items() if 'broken' not in str(f)} == before


def test_other_settings_are_refused(finished, capsys):
    assert call(finished[0], 'optim_wrapper.optimizer.lr=0.1') == 1
    error = capsys.readouterr().err
    assert 'a run of another config' in error and '--work-dir' in error
    assert 'optim_wrapper.optimizer.lr was 0.2, is 0.1' in error


def test_one_quickstart_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(UserError, match='in use by another'):
        locked(tmp_path).__enter__()
    with locked(tmp_path):
        pass


def test_it_writes_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, 'plan', lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        quickstart.main(['--iters', '2', '--seed', '5'])
    assert (tmp_path / 'work_dirs/quickstart_2-iters_seed-5').is_dir()


def record(gains, **reference):
    rows = [dict(key='sup_only', method='SupOnly', network='student', mIoU=50.0, gain=None)]
    for key, gain in gains.items():
        rows.append(dict(key=key, method=key, network='n', mIoU=50.0 + gain, gain=gain))
    rows = [dict(row, seconds=1.0, trained=True) for row in rows]
    meta = dict(shortened=False, iters=9, seed=0, labeled=30, unlabeled=99, val=200)
    reference = dict(mIoU=71.239, std=0.5, labels=1000, seeds=3) | reference
    return dict(meta, methods=rows, reference=reference)


def test_conclusion_tells_defeat():
    said = conclude(record(dict(mt=1.5, cps=-0.25)))
    assert said.startswith('In this run mt (+1.50) beat SupOnly, cps (-0.25) did NOT beat SupOnly')
    assert 'mt (+0.00) and cps (-1.00) did NOT' in conclude(record(dict(mt=0.0, cps=-1.0)))
    assert conclude(record({})).startswith('Nothing can be compared')


def test_reference_says_of_how_many_seeds_it_is():
    table = make_table(record({}, seeds=5))
    assert list(table.columns[1].cells) == ['50.00', '71.24 ± 0.50']
    assert 'measured beforehand' in table.caption and 'over 5 seeds' in table.caption


def test_reference_is_that_of_the_records():
    row = measured('shapes')['sup_only_all_labels'][0]
    found = methods.load_reference()
    assert found == dict(mIoU=row.mean, std=row.std, labels=1000, seeds=3)


class Fake:
    """A training that takes a given number of polls."""

    def __init__(self, name, cost, polls, journal):
        self.method = methods.Method(name, name, '', '', cost)
        self.phase, self.iter, self.max_iters = 'waiting', 0, 10
        self.seconds_per_iter, self.polls, self.journal = None, polls, journal

    def start(self, threads, lock):
        self.phase = 'training'
        self.journal.append(f'+{self.method.key}')

    def poll(self):
        self.polls -= 1
        if not self.polls:
            self.phase = 'done'
            self.journal.append(f'-{self.method.key}')
        return self.polls > 0

    startup = None

    def ask_to_stop(self):
        self.journal.append(f'ask {self.method.key}')

    def stop(self):
        self.journal.append(f'stop {self.method.key}')

    def seconds_left(self):
        return None


def test_longest_first_and_two_at_a_time(monkeypatch):
    monkeypatch.setattr(schedule.os, 'cpu_count', lambda: 2)
    monkeypatch.setattr(schedule.time, 'sleep', lambda _: None)
    journal = []
    fakes = [Fake('a', 1, 1, journal), Fake('b', 3, 2, journal), Fake('c', 5, 4, journal)]
    schedule.run_all(fakes, lambda left: None, lock=0)
    assert journal == ['+c', '+b', '-b', '+a', '-a', '-c']


def test_threads_depend_on_the_machine_alone(monkeypatch):
    shares = {}
    for cores in (1, 2, 3, 8, 64):
        monkeypatch.setattr(schedule.os, 'cpu_count', lambda cores=cores: cores)
        shares[cores] = schedule.share_cores()
    assert shares == {1: (1, 1), 2: (2, 1), 3: (3, 1), 8: (3, 2), 64: (3, 4)}


def test_interruption_stops_what_runs(monkeypatch):
    monkeypatch.setattr(schedule.os, 'cpu_count', lambda: 1)
    journal = []

    def interrupt(left):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schedule.run_all([Fake('a', 1, 9, journal), Fake('b', 2, 9, journal)], interrupt, lock=0)
    assert journal == ['+b', 'ask b', 'stop b']


def test_time_left():
    def fake(cost, iteration=0, pace=None):
        made = Fake('x', cost, 1, [])
        made.iter, made.seconds_per_iter = iteration, pace
        if pace:
            made.seconds_left = lambda: (10 - iteration) * pace
        return made

    assert schedule.time_left([fake(1)], [fake(3)]) is None
    running = [fake(2, 5, 2.0), fake(4, 5, 4.0)]  # 10 s and 20 s left; 1 s an iteration of cost 1
    assert schedule.time_left(running, []) == 20.0
    assert schedule.time_left(running, [fake(1)]) == 10.0 + training.STARTUP + 10.0
