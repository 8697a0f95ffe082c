"""The command lines of tools/{train,test,publish_model}.py with a config that has stages."""

import json

import pytest
import torch
from mmengine.config import Config
from processes import forked

from semiseg_mm.apis import publish, run_test, run_train
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.registry import MODELS
from semiseg_mm.testing.stages import toy_stages

PLAIN = """
import sys, torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
import mmseg.models  # noqa
from mmseg.registry import MODELS
cfg = Config.fromfile(sys.argv[1])
init_default_scope(cfg.default_scope)
model = MODELS.build(cfg.model).eval()
model.load_state_dict(torch.load(sys.argv[2], weights_only=True)['state_dict'])
torch.save(model(torch.load(sys.argv[3])), sys.argv[4])
assert not any(name.split('.')[0] == 'semiseg_mm' for name in sys.modules)
"""


@pytest.fixture
def config(tmp_path):
    """ST in a file, with a test set and a network that plain mmseg has."""
    cfg = toy_stages('unused', 'st', max_iters=2)
    cfg.pop('work_dir')
    cfg.update(test_dataloader=cfg.val_dataloader, test_evaluator=cfg.val_evaluator)
    cfg.test_cfg = dict(type='NetworksTestLoop')
    cfg.log_level = 'INFO'
    cfg.model.segmentor.backbone = dict(
        type='ResNetV1c', depth=18, base_channels=6, stem_channels=6, num_stages=1,
        out_indices=(0,), strides=(1,), dilations=(1,), norm_cfg=dict(type='BN'),
    )  # fmt: skip
    cfg.dump(tmp_path / 'config.py')
    return str(tmp_path / 'config.py')


def test_train_again_evaluate_publish(config, tmp_path, capfd):
    run = str(tmp_path / 'run')
    option = 'stages.1.scales=[1.0]'
    assert run_train([config, '--work-dir', run, '--resume', '--cfg-options', option]) == 0
    manifest = json.loads((tmp_path / 'run/02_labels/manifest.json').read_text())
    assert manifest['key']['settings']['scales'] == [1.0]
    first = (tmp_path / 'run/03_student/iter_2.pth').stat().st_mtime_ns

    assert run_train([config, '--work-dir', run, '--cfg-options', option]) == 0
    assert (tmp_path / 'run/03_student/iter_2.pth').stat().st_mtime_ns == first

    student = str(tmp_path / 'run/03_student/iter_2.pth')
    capfd.readouterr()
    args = ['--work-dir', str(tmp_path / 'test'), '--out', str(tmp_path / 'out')]
    assert run_test([config, student, *args]) == 0
    results = json.loads((tmp_path / 'run/results.json').read_text())
    score = results['networks']['student']['mIoU']['last']
    output = ''.join(capfd.readouterr())
    assert f'student/mIoU: {score:.4f}' in output
    assert len(list((tmp_path / 'out').rglob('*.png'))) == 4

    out, plain = publish(config, student, str(tmp_path / 'm'))
    images = torch.randn(1, 3, 24, 24)
    torch.save(images, tmp_path / 'images.pt')
    args = [plain, out, str(tmp_path / 'images.pt'), str(tmp_path / 'logits.pt')]
    done = forked(['-c', PLAIN, *args], plain=True)
    assert done.returncode == 0, done.stderr
    model = MODELS.build(Config.fromfile(config).model).eval()
    model.load_state_dict(safe_load(student)['state_dict'])
    assert torch.equal(torch.load(tmp_path / 'logits.pt'), model.networks['student'](images))


def test_stages_need_the_runner_that_runs_them(config, tmp_path, capfd):
    options = ['--cfg-options', 'runner_type=SemiRunner']
    assert run_train([config, '--work-dir', str(tmp_path / 'run'), *options]) == 1
    assert 'staged_runtime.py' in capfd.readouterr().err.splitlines()[-1]


def test_the_yardstick_has_no_stages(config, tmp_path):
    assert run_train([config, '--work-dir', str(tmp_path / 'run'), '--sup-only']) == 0
    assert (tmp_path / 'run/iter_2.pth').exists()
    assert not (tmp_path / 'run/01_teacher').exists()


def test_resuming_from_a_file_is_refused(config, tmp_path, capfd):
    args = ['--work-dir', str(tmp_path / 'run'), '--resume', 'some/iter_2.pth']
    assert run_train([config, *args]) == 1
    error = capfd.readouterr().err
    assert 'error: --resume some/iter_2.pth: a config with stages goes on by itself' in error


def test_resume_keeps_the_weights_to_start_from(config, tmp_path, monkeypatch):
    seen = []

    class Stop(Exception):
        pass

    def spy(cfg):
        seen.append((cfg.get('load_from'), cfg.get('resume')))
        raise Stop

    monkeypatch.setattr('semiseg_mm.apis.cli.build_runner', spy)
    for more in ([], ['--resume']):
        with pytest.raises(Stop):
            run_train([config, '--cfg-options', 'load_from=x.pth', *more])
    assert seen == [('x.pth', None)] * 2


def test_what_is_said_after_ctrl_c(config, tmp_path, monkeypatch, capfd):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr('semiseg_mm.engine.StagedRunner.train', stop)
    monkeypatch.setattr('semiseg_mm.engine.SemiRunner.train', stop)
    for more, sentence in (
        ([], 'Stopped. The same command goes on.'),
        (['--sup-only'], 'Stopped. The same command with --resume goes on.'),
    ):
        args = [config, '--work-dir', str(tmp_path / 'run'), *more]
        assert run_train(args) == 130
        assert capfd.readouterr().err.strip().endswith(sentence)


def test_a_wrong_option_of_a_stage_is_named(config, tmp_path, capfd):
    args = ['--work-dir', str(tmp_path / 'run'), '--cfg-options', 'stages.1.scale=[1.0]']
    assert run_train([config, *args]) == 1
    expected = "stages.1.scale is not an argument of LabelStage: did you mean 'scales'?"
    assert expected in capfd.readouterr().err


def test_a_full_disk_outside_of_our_own_files(config, tmp_path, monkeypatch, capfd):
    """A log, say: no traceback, and the errors of logging itself keep quiet."""
    import errno
    import logging

    def full(self):
        raise OSError(errno.ENOSPC, 'No space left on device', 'some.log')

    monkeypatch.setattr('semiseg_mm.engine.StagedRunner.train', full)
    monkeypatch.setattr(logging, 'raiseExceptions', True)
    assert run_train([config, '--work-dir', str(tmp_path / 'run')]) == 1
    error = capfd.readouterr().err
    assert 'error: No space left on device (some.log): free some space' in error
    assert 'Traceback' not in error and not logging.raiseExceptions
