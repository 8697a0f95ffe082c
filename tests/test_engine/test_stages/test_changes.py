"""What is made again when files or options change, what is not, and what the log says."""

import json

import pytest
import torch

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.testing.stages import contents, redone, run_stages, said, toy_stages

AFTER_THE_TEACHER = [
    '02_ranking',
    '03_reliable_labels',
    '04_first_student',
    '05_other_labels',
    '06_student',
]


def label_of(work_dir, folder):
    return sorted((work_dir / folder / 'labels').rglob('*.png'))[0]


# ------------------------------------------------------------------ files


def test_a_truncated_label_is_made_again_and_nothing_else(finished, work_dir):
    path = label_of(work_dir, '03_reliable_labels')
    others = {p: p.stat().st_mtime_ns for p in path.parent.glob('*.png')}
    path.write_bytes(path.read_bytes()[:40])
    lines = run_stages(toy_stages(work_dir))
    assert '1 of 2 parts are no longer as they were written: is mended' in said(
        lines, '03_reliable_labels'
    )
    assert redone(lines) == ['03_reliable_labels']
    assert contents(work_dir) == contents(finished)
    unchanged = [p for p, time in others.items() if p.stat().st_mtime_ns == time]
    assert 1 <= len(unchanged) < len(others)  # the other part


@pytest.mark.parametrize(
    'file',
    ['02_ranking/reliable.txt', '02_ranking/ranking.csv', '05_other_labels/images.txt'],
)
def test_a_damaged_list_is_made_again(finished, work_dir, file):
    path = work_dir / file
    path.write_text(''.join(path.read_text().splitlines(True)[:-1]))
    lines = run_stages(toy_stages(work_dir))
    assert f'{path.name} is no longer as it was written: is mended' in said(lines, path.parent.name)
    assert redone(lines) == [path.parent.name]
    assert contents(work_dir) == contents(finished)


def test_damaged_parts_are_made_again(finished, work_dir):
    """Records that are JSON, but not what was written."""
    places = {'02_ranking': 'rows', '03_reliable_labels': 'files', '05_other_labels': 'quality'}
    for folder, key in places.items():
        first = work_dir / folder / 'chunks/000000.json'
        first.write_text(json.dumps(json.loads(first.read_text()) | {key: [1]}))
    (work_dir / '02_ranking/chunks/000001.json').write_text('[]')
    lines = run_stages(toy_stages(work_dir))
    assert redone(lines) == list(places)
    assert '2 of 3 parts are no longer as they were written' in said(lines, '02_ranking')
    assert contents(work_dir) == contents(finished)


def test_a_deleted_last_checkpoint_is_made_again(finished, work_dir):
    (work_dir / '04_first_student/iter_6.pth').unlink()
    lines = run_stages(toy_stages(work_dir))
    assert 'iter_6.pth is gone: is mended' in said(lines, '04_first_student')
    assert redone(lines) == ['04_first_student']
    assert contents(work_dir) == contents(finished)


def test_a_deleted_milestone_is_made_again_from_the_checkpoint_before_it(finished, work_dir):
    (work_dir / '01_teacher/iter_4.pth').unlink()
    lines = run_stages(toy_stages(work_dir))
    assert 'iter_4.pth is gone: is mended' in said(lines, '01_teacher')
    assert redone(lines) == ['01_teacher']
    assert contents(work_dir) == contents(finished)
    assert (work_dir / '01_teacher/iter_6.pth.old').exists()


def test_a_truncated_checkpoint_is_made_again(finished, work_dir):
    path = work_dir / '06_student/iter_6.pth'
    path.write_bytes(path.read_bytes()[:-500])
    lines = run_stages(toy_stages(work_dir))
    assert 'iter_6.pth cannot be used (' in said(lines, '06_student')
    assert redone(lines) == ['06_student']
    assert weights_hash(path) == weights_hash(finished / '06_student/iter_6.pth')


@pytest.mark.parametrize('step', [4, 6])
def test_a_flipped_bit_in_a_teacher_makes_no_labels(finished, work_dir, step):
    """It is trained again to the same weights, so what came from it stays."""
    path = work_dir / f'01_teacher/iter_{step}.pth'
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    lines = run_stages(toy_stages(work_dir))
    assert f'iter_{step}.pth cannot be used (' in said(lines, '01_teacher')
    assert redone(lines) == ['01_teacher']
    assert contents(work_dir) == contents(finished)
    assert (work_dir / f'01_teacher/iter_{step}.pth.bad').read_bytes() == content


def test_another_record_of_a_training_is_named(finished, work_dir):
    """Nothing depends on it, so nothing is made again."""
    (work_dir / '04_first_student/results.json').write_text('{"status": "done"}')
    lines = run_stages(toy_stages(work_dir))
    assert 'results.json was put there since' in said(lines, '04_first_student')
    assert redone(lines) == []


def test_another_teacher_invalidates_what_came_from_it(work_dir):
    """Other weights in its last checkpoint, as after training it again elsewhere."""
    path = work_dir / '01_teacher/iter_6.pth'
    checkpoint = safe_load(path)
    for name, value in checkpoint['state_dict'].items():
        if name.endswith('conv_seg.weight'):
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
    torch.save(checkpoint, path)
    old = (work_dir / '02_ranking/ranking.csv').read_text()
    lines = run_stages(toy_stages(work_dir))
    assert redone(lines) == AFTER_THE_TEACHER
    assert 'iter_6.pth); iter_6.pth was put there since' in said(lines, '01_teacher')
    expected = "what it takes from 'teacher' has changed: starts anew, the old folder is now 02_"
    assert expected in said(lines, '02_ranking')
    assert "takes from 'reliable_labels' has changed" in said(lines, '04_first_student')
    assert (work_dir / '02_ranking.old-1/ranking.csv').read_text() == old
    assert (work_dir / '02_ranking/ranking.csv').read_text() != old


# ------------------------------------------------------------------ options and data


def test_changed_options_are_named_and_old_folders_kept(work_dir):
    for number, iters in enumerate((5, 6), 1):
        cfg = toy_stages(work_dir)
        cfg.stages[-1].cfg = dict(train_cfg=dict(max_iters=iters), val_cfg=None)
        cfg.stages[-1].cfg.update(val_dataloader=None, val_evaluator=None)
        lines = run_stages(cfg)
        assert redone(lines) == ['06_student']
        assert f'the old folder is now 06_student.old-{number}' in said(lines, '06_student')
        assert (work_dir / f'06_student.old-{number}/iter_{7 - number}.pth').exists()
    assert 'config.train_cfg.max_iters was 5, is 6' in said(lines, '06_student')


def test_another_scale_makes_labels_anew(work_dir):
    cfg = toy_stages(work_dir)
    cfg.stages[4].scales = (0.5, 4.0)
    lines = run_stages(cfg)
    assert 'settings.scales was [0.5, 1.0], is [0.5, 4.0]' in said(lines, '05_other_labels')
    assert redone(lines) == ['05_other_labels', '06_student']
    assert "takes from 'other_labels' has changed" in said(lines, '06_student')


def test_more_unlabeled_images(work_dir):
    cfg = toy_stages(work_dir)
    cfg.train_dataloader.dataset.unlabeled.num_images = 13
    lines = run_stages(cfg)
    assert redone(lines) == AFTER_THE_TEACHER
    assert 'images.count was 11, is 13; images: other images' in said(lines, '02_ranking')


def test_other_images_of_the_same_names(work_dir):
    cfg = toy_stages(work_dir)
    cfg.train_dataloader.dataset.unlabeled.seed = 8
    lines = run_stages(cfg)
    assert 'source.seed was null, is 8' in said(lines, '02_ranking')
    assert '01_teacher' not in redone(lines)


def test_other_weights_to_start_from(work_dir, finished):
    start = str(finished / '04_first_student/iter_6.pth')
    lines = run_stages(toy_stages(work_dir, load_from=start))
    assert 'config.load_from was null' in said(lines, '01_teacher')
    assert '01_teacher' in redone(lines)


def test_an_unfinished_stage_whose_options_changed_starts_anew(work_dir):
    manifest = work_dir / '06_student/manifest.json'
    manifest.write_text(json.dumps(dict(json.loads(manifest.read_text()), status='running')))
    (work_dir / '06_student/iter_6.pth').unlink()
    cfg = toy_stages(work_dir)
    cfg.stages[-1].cfg = dict(optim_wrapper=dict(optimizer=dict(lr=0.003)))
    lines = run_stages(cfg)
    assert 'optimizer.lr was 0.03, is 0.003: starts anew' in said(lines, '06_student')
    first = safe_load(work_dir / '06_student/iter_3.pth')['state_dict']
    old = safe_load(work_dir / '06_student.old-1/iter_3.pth')['state_dict']
    assert any(not torch.equal(first[name], old[name]) for name in first)


def test_a_folder_without_manifest_is_put_aside(work_dir, finished):
    (work_dir / '06_student/manifest.json').unlink()
    lines = run_stages(toy_stages(work_dir))
    assert 'has a folder without manifest.json' in said(lines, '06_student')
    assert redone(lines) == ['06_student']
    name = '06_student/iter_6.pth'
    assert weights_hash(work_dir / name) == weights_hash(finished / name)
