"""ST++ on toy scenes: what it leaves, and that interruptions change nothing."""

import json
import multiprocessing
import os
import signal
import time

import pytest

from semiseg_mm.apis.report import page_of
from semiseg_mm.apis.report.run import read_run
from semiseg_mm.engine import SemiRunner
from semiseg_mm.engine.stages import LabelStage, label
from semiseg_mm.engine.stages.action import ChunkedAction
from semiseg_mm.engine.stages.stage import Stage
from semiseg_mm.errors import UserError
from semiseg_mm.testing.stages import contents, redone, run_stages, said, toy_stages

FOLDERS = [
    '01_teacher', '02_ranking', '03_reliable_labels',
    '04_first_student', '05_other_labels', '06_student',
]  # fmt: skip


# ------------------------------------------------------------------ all of it


def test_the_run_leaves_what_its_stages_promise(finished):
    names = {path.name for path in finished.iterdir() if path.is_dir()}
    assert names == set(FOLDERS)
    reliable, rest = (
        (finished / f'02_ranking/{n}.txt').read_text().split() for n in ('reliable', 'rest')
    )
    assert len(reliable) == 5 and len(rest) == 6 and not set(reliable) & set(rest)
    for folder, ids in (('03_reliable_labels', reliable), ('05_other_labels', rest)):
        assert sorted((finished / folder / 'images.txt').read_text().split()) == sorted(ids)
        assert all((finished / folder / f'labels/{name}.png').exists() for name in ids)
    results = json.loads((finished / 'results.json').read_text())
    assert [f'{k:02d}_{s["name"]}' for k, s in enumerate(results['stages'], 1)] == FOLDERS
    assert 'mIoU' in results['networks']['student']
    last = (finished / 'last_checkpoint').read_text()
    assert last == str(finished / '06_student/iter_6.pth')


def test_its_page_shows_each_stage(finished):
    run = read_run(finished)
    text = page_of(run, None, 0)
    assert 'All 6 stages are done.' in text
    assert all(f'<h2>Stage {folder}</h2>' in text for folder in FOLDERS)
    assert text.count('<h3>Losses</h3>') == 3 and text.count('Least alike') == 1
    assert text.count('data:image/png') == 3  # of the ranking and of two labelings
    assert 'could not be made' not in text and not run.problems
    images = [len((finished / f'0{k}_{n}_labels/images.txt').read_text().split())
              for k, n in ((3, 'reliable'), (5, 'other'))]  # fmt: skip
    assert all(f'images {count}, broken 0' in text for count in images)


def test_a_second_call_skips_everything_wherever_the_run_has_moved(work_dir):
    before = {
        path: path.stat().st_mtime_ns for path in work_dir.rglob('*') if path.parent != work_dir
    }
    lines = run_stages(toy_stages(work_dir))
    assert redone(lines) == []
    assert all('already done' in said(lines, folder) for folder in FOLDERS)
    after = {
        path: path.stat().st_mtime_ns for path in work_dir.rglob('*') if path.parent != work_dir
    }
    assert after == before


# ------------------------------------------------------------------ interruptions


class Interrupted(Exception):
    pass


def test_interrupted_in_every_stage_at_every_kind_of_moment(finished, tmp_path, monkeypatch):
    """An exception, once in each stage, around each kind of step."""
    happened = set()

    def interrupt(owner, name, folder_of, after=False):
        original = getattr(owner, name)

        def call(*args, **kwargs):
            key = (name, folder_of(*args))
            new = key not in happened
            happened.add(key)
            if new and not after:
                raise Interrupted
            result = original(*args, **kwargs)
            if new:
                raise Interrupted
            return result

        monkeypatch.setattr(owner, name, call)

    def of_path(path, *_):
        return path.split('run/')[1].split('/')[0]

    def of_manifest(stage, manifest):
        return stage.folder if manifest['status'] == 'done' else 'any'

    interrupt(Stage, '_write', of_manifest)
    interrupt(label, 'write_mask', of_path, after=True)
    interrupt(ChunkedAction, 'write_record', lambda stage, *_: stage.folder, after=True)
    interrupt(LabelStage, 'merge', lambda stage, _: stage.folder, after=True)
    interrupt(SemiRunner, 'save_checkpoint', lambda runner, *_: runner.work_dir, after=True)
    restarts = 0
    while True:
        try:
            run_stages(toy_stages(tmp_path / 'run'))
            break
        except Interrupted:
            restarts += 1
    kinds = {'_write', 'write_mask', 'write_record', 'merge', 'save_checkpoint'}
    assert {name for name, _ in happened} == kinds and restarts == len(happened)
    assert {os.path.basename(folder) for _, folder in happened} >= set(FOLDERS)
    assert contents(tmp_path / 'run') == contents(finished)


def test_killed_while_training_ranking_and_labelling(finished, tmp_path):
    """SIGKILL, each time after another file has appeared, in a process of its own."""
    folder = tmp_path / 'run'
    moments = (
        '01_teacher/iter_2.pth',
        '02_ranking/chunks/000001.json',
        '03_reliable_labels/labels/shapes',
        '04_first_student/iter_3.pth',
    )
    for moment in moments:
        process = multiprocessing.get_context('fork').Process(
            target=run_stages, args=[toy_stages(folder)]
        )
        process.start()
        limit = time.monotonic() + 60
        while not (folder / moment).exists() and process.is_alive() and time.monotonic() < limit:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL and (folder / moment).exists()
        assert not (folder / 'results.json').exists()
    run_stages(toy_stages(folder))
    assert contents(folder) == contents(finished)


@pytest.mark.parametrize('file', ['06_student/results.json', '02_ranking/manifest.json'])
def test_a_damaged_record_of_a_finished_run_is_named(file, work_dir):
    (work_dir / file).write_text('{"x"')
    with pytest.raises(UserError, match=rf'{file} cannot be read .*: move .* away to do'):
        run_stages(toy_stages(work_dir))


@pytest.mark.parametrize(
    ('text', 'says'),
    [('[]', 'is no record'), ('{"key": 1}', 'has no status, seconds'), ('DONE', 'has no result')],
)
def test_a_manifest_of_another_shape_is_named(text, says, work_dir):
    done = '{"key": {}, "seconds": 1, "status": "done"}'
    (work_dir / '02_ranking/manifest.json').write_text(text.replace('DONE', done))
    with pytest.raises(UserError, match=rf'manifest.json {says}.*: move .* away to do'):
        run_stages(toy_stages(work_dir))
