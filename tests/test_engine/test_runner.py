import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest
import torch
from held import wait_for, write_held_config
from mmengine.config import Config
from processes import ForkedPopen, forked

from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine import SemiRunner
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config

SUP_ONLY = dict(type='SupOnly')


def train(cfg):
    runner = build_runner(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A run of 6 iterations with checkpoints at 3 and 6; copy it before changing it."""
    folder = tmp_path_factory.mktemp('finished')
    from mmengine.registry import init_default_scope

    init_default_scope('semiseg_mm')
    train(toy_config(folder, SUP_ONLY))
    return folder


@pytest.fixture
def work_dir(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / 'run')


def test_a_second_run_does_not_overwrite_the_first(work_dir):
    before = {path: path.read_bytes() for path in work_dir.glob('*.*') if path.is_file()}
    with pytest.raises(UserError, match=r'up to iter_6\.pth: add --resume'):
        train(toy_config(work_dir, SUP_ONLY))
    assert {path: path.read_bytes() for path in work_dir.glob('*.*') if path.is_file()} == before


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """Flip a bit of the largest part; between parts there is padding, which has no checksum."""
    changed = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        part = max(file.infolist(), key=lambda one: one.file_size)
        start = content.index(file.read(part), part.header_offset)
    changed[start + part.file_size // 2] ^= 16
    return bytes(changed)


@pytest.mark.parametrize('damage', [truncated, flipped])
def test_resume_passes_over_broken_checkpoints_and_says_so(damage, work_dir):
    whole = (work_dir / 'iter_6.pth').read_bytes()
    (work_dir / 'iter_6.pth').write_bytes(damage(whole))
    (work_dir / 'last_checkpoint').unlink()
    runner = train(toy_config(work_dir, SUP_ONLY, resume=True))
    assert runner.iter == 6
    log = (work_dir / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert 'Passed over' in log and 'iter_6.pth is damaged' in log
    resumed, original = safe_load(work_dir / 'iter_6.pth'), whole
    (work_dir / 'copy.pth').write_bytes(original)
    original = safe_load(work_dir / 'copy.pth')
    assert all(torch.equal(resumed['state_dict'][k], v) for k, v in original['state_dict'].items())


def test_resume_stops_if_no_checkpoint_loads(work_dir):
    for name in ('iter_3.pth', 'iter_6.pth'):
        (work_dir / name).write_bytes(b'not a checkpoint')
    with pytest.raises(UserError, match=r'any of the 2 checkpoints .*iter_6\.pth (is dam|was ref)'):
        train(toy_config(work_dir, SUP_ONLY, resume=True))


def test_resume_without_checkpoints_starts_and_says_so(tmp_path):
    runner = train(toy_config(tmp_path, SUP_ONLY, max_iters=1, resume=True))
    log = (tmp_path / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert runner.iter == 1 and 'starts at iteration 0' in log


CHANGES = {
    'labeled images differ': {'train_dataloader.dataset.labeled.num_images': 4},
    'unlabeled images differ': {'train_dataloader.dataset.unlabeled.start': 101},
    'seed was 3, it is 4': {'randomness.seed': 4},
    'planned for 6 iterations, now for 9': {'train_cfg.max_iters': 9},
    r'an iteration was 2 \+ 2 images': {'train_dataloader.sampler.unlabeled': 3},
}


@pytest.mark.parametrize('what', CHANGES)
def test_resuming_another_run_stops_and_names_the_difference(what, work_dir):
    with pytest.raises(UserError, match=what):
        train(toy_config(work_dir, SUP_ONLY, resume=True, **CHANGES[what]))


def test_resuming_another_run_is_possible_if_asked_for(work_dir):
    extra = dict(CHANGES['labeled images differ'])
    extra['default_hooks.identity.on_mismatch'] = 'warn'
    assert train(toy_config(work_dir, SUP_ONLY, resume=True, max_iters=7, **extra)).iter == 7


def test_resuming_another_network_stops(work_dir):
    extra = {'model.segmentor.decode_head.channels': 5}
    different = r'another network \(networks\.student\.\S+ is \[.*6.* there and \[.*5.* here'
    with pytest.raises(UserError, match=rf'cannot go on from any of the 2 .*{different}'):
        train(toy_config(work_dir, SUP_ONLY, resume=True, **extra))
    path = str(work_dir / 'iter_6.pth')
    with pytest.raises(UserError, match=rf'cannot go on from {path}: .*{different}'):
        train(toy_config(work_dir, SUP_ONLY, resume=True, load_from=path, **extra))


def test_resuming_with_other_settings_names_them(work_dir):
    """Paths, workers and validation are none of them; the seed is not named twice."""
    (work_dir / 'iter_6.pth').unlink()
    extra = {
        'optim_wrapper.optimizer.lr': 0.02,
        'model.segmentor.decode_head.dropout_ratio': 0.3,
        'train_cfg.val_interval': 2,
        'train_dataloader.num_workers': 0,
        'channels_last': True,
    }
    runner = train(toy_config(work_dir, SUP_ONLY, resume=True, **extra))
    log = (work_dir / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert 'under other settings: ' in log and 'optim_wrapper.optimizer.lr was 0.01, is 0.02' in log
    assert 'model.segmentor.decode_head.dropout_ratio was null, is 0.3' in log
    assert 'channels_last was null, is true' in log
    assert 'val_interval was' not in log and 'workers was' not in log
    assert runner.optim_wrapper.param_groups[0]['initial_lr'] == 0.01  # as the warning says


def test_code_in_a_checkpoint_is_not_run_on_resume(work_dir, tmp_path):
    """mmengine's resume executes meta['config'] as a Python config file."""
    proof = tmp_path / 'code_ran'
    hostile = safe_load(work_dir / 'iter_3.pth')
    hostile['meta']['config'] = f'import os\nos.mkdir({str(proof)!r})\n'
    torch.save(hostile, work_dir / 'iter_3.pth')
    (work_dir / 'iter_6.pth').unlink()
    train(toy_config(work_dir, SUP_ONLY, resume=True))
    assert not proof.exists()


def test_resuming_loads_onto_the_cpu_first(work_dir, monkeypatch):
    """On a GPU, log histories would land there and could not become NumPy arrays."""
    seen = []
    original = SemiRunner.load_checkpoint

    def load_checkpoint(self, filename, map_location='device', **kwargs):
        seen.append(map_location)
        return original(self, filename, map_location, **kwargs)

    monkeypatch.setattr(SemiRunner, 'load_checkpoint', load_checkpoint)
    train(toy_config(work_dir, SUP_ONLY, resume=True))
    assert seen == ['cpu']


def test_going_back_to_an_older_checkpoint_asks_for_a_clean_folder(work_dir):
    """Else the next --resume would jump to the abandoned run's iter_6."""
    older = str(work_dir / 'iter_3.pth')
    with pytest.raises(UserError, match=r'later checkpoints than .*iter_3\.pth, up to iter_6\.pth'):
        train(toy_config(work_dir, SUP_ONLY, resume=True, load_from=older))
    (work_dir / 'iter_6.pth').unlink()
    assert train(toy_config(work_dir, SUP_ONLY, resume=True, load_from=older)).iter == 6


def test_nothing_to_resume_still_starts_from_the_configured_weights(work_dir, tmp_path):
    """What tools/train.py --resume makes of a config with load_from, in an empty work dir."""
    weights = str(work_dir / 'iter_6.pth')
    cfg = toy_config(
        tmp_path / 'new', SUP_ONLY, resume=True, start_from=weights, **{'train_cfg.max_iters': 1}
    )
    cfg.optim_wrapper.optimizer.lr = 0.0
    train(cfg)
    a, b = (safe_load(p)['state_dict'] for p in (weights, tmp_path / 'new/iter_1.pth'))
    key = 'networks.student.decode_head.conv_seg.weight'
    assert torch.equal(a[key], b[key])


def test_a_sampler_that_cannot_skip_is_run_through_again(tmp_path):
    """mmengine's own sampler comes to its end within the run: 5 images, 2 a batch, 6 iterations."""
    whole, rest = tmp_path / 'whole', tmp_path / 'rest'
    extra = {
        'train_dataloader.sampler': dict(_delete_=True, type='DefaultSampler', shuffle=False),
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.unlabeled': None,
    }
    train(toy_config(whole, SUP_ONLY, **extra))
    rest.mkdir()
    (rest / 'iter_3.pth').write_bytes((whole / 'iter_3.pth').read_bytes())
    train(toy_config(rest, SUP_ONLY, resume=True, **extra))
    a, b = (safe_load(folder / 'iter_6.pth')['state_dict'] for folder in (whole, rest))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_an_unset_seed_is_taken_from_the_checkpoint(tmp_path):
    """The stream is built before mmengine would restore the seed."""
    first = train(toy_config(tmp_path, SUP_ONLY, max_iters=3, **{'randomness.seed': None}))
    again = toy_config(tmp_path, SUP_ONLY, max_iters=3, resume=True, **{'randomness.seed': None})
    runner = train(again)
    assert runner.seed == first.seed == runner.train_dataloader.sampler.seed


def test_own_checkpoints_are_plain(finished):
    """torch's strictest loader reads them without any allow-list."""
    loaded = torch.load(finished / 'iter_6.pth', weights_only=True)
    identity = loaded['meta']['semiseg_mm']
    assert identity['seed'] == 3 and identity['world_size'] == 1 and identity['batch'] == [2, 2]
    assert identity['data']['labeled']['count'] == 5
    assert len(identity['data']['unlabeled']['sha256']) == 64


def test_a_cut_off_validation_is_made_up_for(work_dir):
    """The checkpoint of iteration 6 is saved before its validation: resuming runs that first."""
    (work_dir / 'results.json').unlink()
    train(toy_config(work_dir, SUP_ONLY, resume=True))
    results = json.loads((work_dir / 'results.json').read_text())
    assert results['networks']['student']['mIoU']['last_iter'] == 6


def test_last_and_best_are_kept_apart(finished):
    results = json.loads((finished / 'results.json').read_text())
    score = results['networks']['student']['mIoU']
    assert score['last_iter'] == 6 and score['best'] >= score['last']
    best = safe_load(finished / 'best_student_mIoU.pth')
    assert best['meta']['best']['metric'] == 'student/mIoU'
    assert best['meta']['best']['score'] == pytest.approx(score['best'])
    assert best['meta']['iter'] == score['best_iter']
    assert 'optimizer' not in best  # nothing resumes from it


def test_the_config_beside_a_run_reads_back(tmp_path, with_ornaments):
    """With its layout, which the other tests leave out."""
    cfg = toy_config(tmp_path, SUP_ONLY, max_iters=1)
    cfg.dump(tmp_path / 'given.py')
    runner = train(Config.fromfile(tmp_path / 'given.py'))
    (dumped,) = tmp_path.glob('*/vis_data/config.py')
    assert Config.fromfile(dumped).to_dict() == runner.cfg.to_dict()
    assert len(dumped.read_text().splitlines()) > 50 and runner.iter == 1
    stored = safe_load(tmp_path / 'iter_1.pth')['meta']['cfg']  # as it is, without layout
    assert Config.fromstring(stored, '.py').to_dict() == runner.cfg.to_dict()
    assert stored != runner.cfg.pretty_text


def test_old_checkpoints_go_last(tmp_path):
    extra = {'default_hooks.checkpoint.interval': 1, 'default_hooks.checkpoint.max_keep_ckpts': 2}
    train(toy_config(tmp_path, SUP_ONLY, max_iters=4, **extra))
    assert sorted(p.name for p in tmp_path.glob('iter_*')) == ['iter_3.pth', 'iter_4.pth']
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'iter_4.pth')


def test_a_broken_newer_checkpoint_does_not_cost_the_good_one(work_dir):
    """Resumed from 3 because 6 is broken, the new 4 and 5 must not be taken for old ones."""
    (work_dir / 'iter_6.pth').write_bytes(b'broken')
    extra = {'default_hooks.checkpoint.interval': 1, 'default_hooks.checkpoint.max_keep_ckpts': 1}
    extra |= {'train_cfg.max_iters': 5, 'default_hooks.identity.on_mismatch': 'warn'}
    train(toy_config(work_dir, SUP_ONLY, resume=True, **extra))
    assert safe_load(work_dir / 'iter_5.pth')['meta']['iter'] == 5
    assert sorted(p.name for p in work_dir.glob('iter_*')) == ['iter_5.pth', 'iter_6.pth']


def test_checkpoints_between_accumulation_steps_are_refused(tmp_path):
    extra = {'optim_wrapper.accumulative_counts': 2}
    with pytest.raises(UserError, match='multiple of'):
        train(toy_config(tmp_path, SUP_ONLY, **extra))


def test_class_counts_must_agree(tmp_path):
    with pytest.raises(UserError, match=f'{len(CLASSES)} classes but the network 5'):
        train(toy_config(tmp_path, dict(SUP_ONLY, num_classes=5)))


def test_batch_size_comes_from_the_sampler(tmp_path):
    with pytest.raises(UserError, match='leave batch_size out'):
        train(toy_config(tmp_path, SUP_ONLY, **{'train_dataloader.batch_size': 3}))


def test_every_network_is_validated_under_its_name(tmp_path):
    hooks = [dict(type='MeanTeacherHook')]
    train(toy_config(tmp_path, dict(type='MeanTeacher'), max_iters=3, custom_hooks=hooks))
    networks = json.loads((tmp_path / 'results.json').read_text())['networks']
    assert set(networks) == {'student', 'teacher'}
    assert networks['student'] != networks['teacher']
    assert (tmp_path / 'best_teacher_mIoU.pth').exists()


def test_kill_9_and_the_same_command_again(tmp_path):
    """Killed for real, twice, wherever it happens to be; the weights come out the same."""
    config = tmp_path / 'config.py'
    extra = {'default_hooks.checkpoint.interval': 2, 'randomness.seed': 1}
    cfg = toy_config('unused', dict(type='CPSSegmentor'), max_iters=60, **extra)
    cfg.pop('work_dir')
    cfg.dump(config)

    def command(folder):
        tool = os.path.join(os.path.dirname(__file__), '../../tools/train.py')
        return [sys.executable, tool, str(config), '--resume', '--work-dir', str(folder)]

    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    assert forked(command(whole)[1:]).returncode == 0
    for target in (10, 30):
        process = subprocess.Popen(command(killed), start_new_session=True, **quiet)
        while not (killed / f'iter_{target}.pth').exists() and process.poll() is None:
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert not (killed / 'iter_60.pth').exists()
    subprocess.run(command(killed), check=True, **quiet)
    a, b = (safe_load(folder / 'iter_60.pth')['state_dict'] for folder in (whole, killed))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_one_training_at_a_time_in_a_work_dir(tmp_path):
    """The first is killed alone: its loader worker lives on for seconds, and has no lock."""
    run, hold = tmp_path / 'run', tmp_path / 'hold'
    hold.touch()
    write_held_config(tmp_path)
    env = dict(os.environ, PYTHONPATH=str(tmp_path))
    tool = os.path.join(os.path.dirname(__file__), '../../tools/train.py')
    command = [tool, str(tmp_path / 'config.py')]
    with open(tmp_path / 'log', 'w') as log:
        first = ForkedPopen([sys.executable, *command], stdout=log, env=env)
    try:
        wait_for(run / 'iter_2.pth')
        for more in ([], ['--resume'], ['--cfg-options', 'randomness.seed=5']):
            second = forked([*command, *more], env=env)
            assert second.returncode == 1
            assert re.fullmatch(
                rf'error: {run} is in use by another call, .* another --work-dir\.',
                second.stderr.strip().splitlines()[-1],
            )
            assert 'Traceback' not in second.stderr
        assert [path.name for path in run.glob('*.pth')] == ['iter_2.pth']
        assert 'seed=1)' in (run / 'config.py').read_text()
        beside = ['--work-dir', str(tmp_path / 'other'), '--cfg-options', 'train_cfg.max_iters=2']
        assert forked([*command, *beside], env=env).returncode == 0
    finally:
        first.kill()
    while first.poll() is None:  # its wait() would wait for the worker as well
        time.sleep(0.002)
    hold.unlink()
    assert forked([*command, '--resume'], env=env).returncode == 0
    assert (run / 'iter_4.pth').exists()
