"""What a training shows on the terminal, and what it leaves: results, curves, the last line."""

import json
import logging
import re

import numpy as np
import pytest
from mmengine.logging import HistoryBuffer
from PIL import Image

from semiseg_mm.apis import run_train
from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine.hooks import CurveHook
from semiseg_mm.engine.pictures import curves
from semiseg_mm.engine.terminal import Terminal
from semiseg_mm.testing import toy_config

FIXMATCH = dict(
    type='WeakToStrongSegmentor', teacher='self_eval', filter=dict(type='Threshold', value=0.3)
)


@pytest.fixture
def config(tmp_path):
    cfg = toy_config('unused', FIXMATCH, max_iters=6, custom_hooks=[dict(type='CurveHook')])
    cfg.pop('work_dir')
    cfg.log_level = 'INFO'
    cfg.dump(tmp_path / 'config.py')
    return str(tmp_path / 'config.py')


def printed(capfd) -> str:
    return re.sub(r'\x1b\[\d+m', '', capfd.readouterr().out)


def test_the_terminal_is_short_and_the_log_whole(config, tmp_path, capfd):
    run = str(tmp_path / 'run')
    assert run_train([config, '--work-dir', run]) == 0
    shown = printed(capfd)
    before = shown.split('Iter(train)')[0]
    assert before.startswith(shown.splitlines()[0]) and len(before.splitlines()) <= 15
    for fact in (
        'Training WeakToStrongSegmentor', 'config.py', 'student: ToyBackbone + FCNHead, 0.0M',
        '2 labeled + 2 unlabeled images', 'seed     3', '0 -> 6 iterations', 'curves.png',
        'labeled: own list (5 images)', 'new weights',
    ):  # fmt: skip
        assert fact in before, fact
    assert 'The prefix is not set' not in shown and 'FileClient' not in shown
    (log,) = (tmp_path / 'run').glob('*/*.log')
    kept = log.read_text()
    for part in ('System environment', 'Hooks will be executed', 'Config:\n'):
        assert part in kept and part not in shown, part
    assert 'The prefix is not set' in kept

    results = json.loads((tmp_path / 'run/results.json').read_text())
    score = results['networks']['student']['mIoU']['last']
    classes = results['per_class']['student']
    assert list(classes) == list(CLASSES)
    there = [value for value in classes.values() if value is not None]
    assert np.mean(there) == pytest.approx(score, abs=0.01)
    validated = results['history'][-1]
    assert validated['iter'] == 6 and validated['student/mIoU'] == score
    last = shown.strip().splitlines()[-1]
    assert f'Done. student: mIoU {score:.2f} (best ' in last
    assert 'holds iter_6.pth, results.json, curves.png. Next: semiseg_mm report ' in last
    assert Image.open(tmp_path / 'run/curves.png').size[0] == 800


def test_verbose_shows_everything_and_a_resumed_run_all_it_logged(
    config, tmp_path, capfd, monkeypatch
):
    run = tmp_path / 'run'
    assert run_train([config, '--work-dir', str(run), '--verbose']) == 0
    shown = printed(capfd)
    for part in ('System environment', 'Hooks will be executed', 'The prefix is not set'):
        assert part in shown
    (run / 'iter_6.pth').unlink()
    drawn = []
    draw = 'semiseg_mm.engine.hooks.curve_hook.draw_curves'
    monkeypatch.setattr(draw, lambda panels, *_: drawn.append(panels))
    assert run_train([config, '--work-dir', str(run), '--resume']) == 0
    shown = printed(capfd)
    assert 'System environment' not in shown and 'goes on from ' in shown
    assert list(drawn[0]['loss']['loss'][0]) == [1, 2, 3, 4, 5, 6]
    assert list(drawn[0]['share']) == ['kept']  # no times
    assert list(drawn[0]['mIoU']['student'][0]) == [3, 6]
    assert [row['iter'] for row in json.loads((run / 'results.json').read_text())['history']] == [
        3,
        6,
    ]


def test_warnings_are_shown_while_a_run_is_built():
    def record(level, text):
        return logging.LogRecord('a', level, 'file', 1, text, (), None)

    terminal = Terminal()
    terminal.verbose = False
    assert terminal.filter(record(logging.WARNING, 'Something is wrong'))
    assert not terminal.filter(record(logging.INFO, 'Config: …'))
    terminal.building = False
    assert terminal.filter(record(logging.INFO, '0 -> 3 iterations'))
    assert not terminal.filter(record(logging.WARNING, '"FileClient" will be deprecated in future'))


# ------------------------------------------------------------------ curves


class Hub:
    """A run of 600 iterations; its kept share is logged from the 201st on."""

    def __init__(self) -> None:
        self.log_scalars = {
            'train/loss': HistoryBuffer(range(600), [1] * 600),
            'train/kept': HistoryBuffer([0.5] * 400, [1] * 400),
            'train/lr': HistoryBuffer([0.1] * 600, [1] * 600),
            'train/sup.acc_seg': HistoryBuffer([0.5] * 600, [1] * 600),
            'train/data_share': HistoryBuffer([0.5] * 100, [1] * 100),
            'val/mIoU': HistoryBuffer([1.0], [1]),
        }
        scores = [(300, {'a/mIoU': 4.0, 'b/mIoU': 2.0}), (600, {'a/mIoU': 3.0, 'b/mIoU': 5.0})]
        self.runtime_info = dict(evaluations=scores)


def test_curves_hold_what_the_run_logged():
    found = curves.curves_of(Hub(), 600)
    assert {panel: sorted(names) for panel, names in found.items()} == dict(
        loss=['loss'], share=['kept'], lr=['lr'], mIoU=['a', 'b']
    )
    at, values = found['loss']['loss']
    assert len(at) == 300 and values[0] == 0.5 and at[0] == 1.5  # means of two
    assert found['share']['kept'][0][0] > 200
    assert [list(one) for one in found['mIoU']['b']] == [[300, 600], [2, 5]]


def test_a_picture_that_fails_stops_no_training(monkeypatch, tmp_path):
    said = []

    class Runner:
        message_hub, iter, work_dir = Hub(), 600, str(tmp_path)
        logger = type('Logger', (), dict(warning=staticmethod(said.append)))

    def fail(*args):
        raise MemoryError('no room')

    monkeypatch.setattr('semiseg_mm.engine.hooks.curve_hook.draw_curves', fail)
    hook = CurveHook(seconds=0)
    hook.after_val_epoch(Runner)
    hook.after_train(Runner)
    assert len(said) == 1 and 'MemoryError: no room' in said[0]
    assert not list(tmp_path.iterdir())
