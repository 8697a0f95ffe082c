"""NaN ends a training with a sentence, and never a checkpoint."""

import copy
import json
import os
import re
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from processes import forked_ranks
from test_engine.test_distributed import dist_train

from semiseg_mm.apis.cli import run_test, run_train
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.finite import fault_in, not_finite, numbers
from semiseg_mm.engine.hooks import AtomicCheckpointHook, FiniteHook, atomic_checkpoint_hook
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.testing import toy_config

SUP_ONLY = dict(type='SupOnly')
OFTEN = {'default_hooks.checkpoint.interval': 2, 'default_hooks.checkpoint.max_keep_ckpts': 1}
ONE_NAN = """
from mmengine.dist import get_rank
from semiseg_mm.models import SupOnly
original = SupOnly.loss
def loss(self, *args, **kwargs):
    found = original(self, *args, **kwargs)
    bad = get_rank() == 1 and self.iteration == 3
    return {k: v * float("nan") if bad else v for k, v in found.items()}
SupOnly.loss = loss
"""
SPOILED: list[torch.Tensor] = []  # what these images were


@HOOKS.register_module()
class Spoil(Hook):
    """Puts NaN into the images of an iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter + 1 == self.iteration:
            images = data_batch['inputs']
            SPOILED[:] = list(images['labeled'].clone())
            images['labeled'] = images['labeled'].float() * float('nan')
            for number, sample in enumerate(data_batch['data_samples']['labeled']):
                sample.set_metainfo(dict(img_path=f'img/{number}.jpg'))


def train(folder, **extra):
    runner = build_runner(toy_config(folder, SUP_ONLY, **extra))
    runner.train()
    return runner


def weights(path):
    return safe_load(path)['state_dict']


def equal(a, b) -> bool:
    return all(torch.equal(weights(a)[key], value) for key, value in weights(b).items())


@pytest.fixture(scope='module')
def finite(tmp_path_factory):
    """Six iterations of which no loss is NaN."""
    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('finite')
    train(folder)
    return folder


def test_a_run_that_diverges_ends_with_1_and_keeps_what_is_finite(tmp_path, capfd):
    run, extra = tmp_path / 'run', {**OFTEN, 'optim_wrapper.optimizer.lr': 1e6}
    toy_config(run, SUP_ONLY, max_iters=12, **extra).dump(tmp_path / 'config.py')
    assert run_train([str(tmp_path / 'config.py'), '--work-dir', str(run)]) == 1
    said = capfd.readouterr().err
    assert 'weights are NaN or infinite (the first: networks.student.' in said
    (kept,) = run.glob('*.pth')
    assert f'{kept} is from before and stays' in said and not not_finite(weights(kept))


def test_nan_in_the_loss_names_term_iteration_and_images(finite, tmp_path, capfd):
    """Noticed at the next log; the checkpoint before it is whole and resumes to the same end."""
    spoiled = {**OFTEN, 'custom_hooks': [dict(type='Spoil', iteration=3)]}
    toy_config(tmp_path / 'run', SUP_ONLY, **spoiled).dump(tmp_path / 'config.py')
    assert run_train([str(tmp_path / 'config.py'), '--work-dir', str(tmp_path / 'run')]) == 1
    said = ' '.join(capfd.readouterr().err.split())
    assert 'From iteration 3 on the loss is not finite (loss: nan, ' in said
    assert 'Its images: img/0.jpg, img/1.jpg' in said
    assert 'stopped at iteration 3 of 6' in said  # where a validation is due
    dump = tmp_path / 'run/nan_iter_3.pth'
    assert f'Its batch is {dump}.' in said
    content = torch.load(dump, weights_only=True)
    assert (content['iteration'], content['seed'], content['rank']) == (3, 3, 0)
    assert all(map(torch.equal, content['inputs']['labeled'], SPOILED)) and len(SPOILED) == 2
    assert [tuple(label.shape) for label in content['labels']['labeled']] == [(1, 16, 16)] * 2
    assert all(content['names']['labeled']) and set(content['inputs']) > {'labeled', 'weak'}
    assert not content['left_out']
    dump.unlink()
    (kept,) = (tmp_path / 'run').glob('*.pth')
    assert kept.name == 'iter_2.pth' and not not_finite(weights(kept))
    assert not (tmp_path / 'run/results.json').exists()
    train(tmp_path / 'run', resume=True)
    assert equal(tmp_path / 'run/iter_6.pth', finite / 'iter_6.pth')


def test_a_finite_run_is_what_it_was_without_the_hook(finite, tmp_path, monkeypatch):
    for name in ('before_train', 'after_train_iter', 'before_val_epoch', 'check'):
        monkeypatch.setattr(FiniteHook, name, lambda *_, **__: None)
    train(tmp_path)
    assert equal(tmp_path / 'iter_6.pth', finite / 'iter_6.pth')


def test_losses_are_fetched_when_something_is_written_and_not_between(tmp_path, monkeypatch):
    seen, fetch = [], FiniteHook._fault_in_losses

    def fetched(hook):
        seen.append([iteration for iteration, *_ in hook._losses])
        return fetch(hook)

    monkeypatch.setattr(FiniteHook, '_fault_in_losses', fetched)
    extra = {'default_hooks.logger.interval': 4, 'default_hooks.checkpoint.interval': 6}
    train(tmp_path, max_iters=9, **extra, **{'train_cfg.val_interval': 100})
    assert [one for one in seen if one] == [[1, 2, 3, 4], [5, 6], [7, 8], [9]]


def test_save_best_refuses_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(FiniteHook, 'check', lambda *_, **__: None)
    monkeypatch.setattr(atomic_checkpoint_hook, 'check_finite', lambda *_: None)
    spoiled = dict(custom_hooks=[dict(type='Spoil', iteration=2)])
    with pytest.raises(UserError, match=r'best_student_mIoU\.pth was not written: \d+ of \d+ w'):
        train(tmp_path, **spoiled)
    assert not (tmp_path / 'best_student_mIoU.pth').exists()


@pytest.mark.parametrize('how', ['load_from', 'resume'])
def test_a_start_from_nan_is_refused(how, finite, tmp_path):
    content = safe_load(finite / 'iter_3.pth')
    content['state_dict']['networks.student.backbone.0.bias'][0] = float('inf')
    path = tmp_path / ('run/iter_3.pth' if how == 'resume' else 'nan.pth')
    path.parent.mkdir(exist_ok=True)
    torch.save(content, path)
    extra = dict(resume=True) if how == 'resume' else dict(load_from=str(path))
    sentence = r'\.pth cannot be trained: 1 of \d+ weights .*backbone\.0\.bias'
    with pytest.raises(UserError, match=sentence):
        train(tmp_path / 'run', **extra)


def test_one_process_with_nan_in_its_last_loss_stops_all(tmp_path, monkeypatch):
    """Without a save of what the other one made of it."""
    (tmp_path / 'one_nan.py').write_text(ONE_NAN)
    cfg = toy_config(
        tmp_path / 'run',
        SUP_ONLY,
        max_iters=4,
        **{
            'custom_imports.imports': ['semiseg_mm.testing', 'one_nan'],
            'default_hooks.checkpoint.interval': 2,
            'train_cfg.val_interval': 2,
        },
    )
    cfg.dump(tmp_path / 'config.py')
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}')
    done = dist_train(tmp_path / 'config.py', 2)
    assert done.returncode == 1
    assert done.stderr.count('From iteration 4 on the loss is not finite (loss: nan') == 2
    assert sorted(path.name for path in (tmp_path / 'run').glob('iter_*')) == ['iter_2.pth']
    assert torch.load(tmp_path / 'run/nan_iter_4.pth', weights_only=True)['rank'] == 1


# ------------------------------------------------------------------ action='skip'

SKIP = dict(type='FiniteHook', action='skip')
JOINT = {
    'optim_wrapper.constructor': 'PartwiseConstructor',
    'optim_wrapper.paramwise_cfg': dict(parts=dict(net_1=dict(type='SGD', lr=0.01, momentum=0.9))),
}


class Watch(Hook):
    """Notes weights, optimizer state and buffers after each iteration."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.seen = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        optimizer = copy.deepcopy(runner.optim_wrapper.optimizer.state_dict()['state'])
        self.seen.append((copy.deepcopy(runner.model.state_dict()), optimizer))


def changed(before: dict, after: dict) -> set[str]:
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


@pytest.mark.parametrize('counts, joint', [(1, False), (2, False), (1, True)])
def test_nothing_of_a_skipped_step_stays(counts, joint, tmp_path):
    """With accumulation the fine batch of the step goes with the bad one (the 3rd and the 4th)."""
    watch, teacher = Watch(), [] if joint else [dict(type='MeanTeacherHook')]
    cfg = toy_config(
        tmp_path,
        dict(type='CPSSegmentor' if joint else 'MeanTeacher'),
        custom_hooks=[*teacher, dict(type='Spoil', iteration=3), SKIP],
        **{
            'optim_wrapper.accumulative_counts': counts,
            'default_hooks.checkpoint.interval': 6,
            **(JOINT if joint else {}),
        },
    )
    runner = build_runner(cfg)
    runner.register_hook(watch)
    runner.train()
    (before, state), (after, later) = watch.seen[1], watch.seen[2 if counts == 1 else 3]
    assert not not_finite(after) and not not_finite(runner.model.state_dict())
    teachers = {name for name in after if 'teacher' in name}
    assert changed(before, after) <= teachers
    assert str(state) == str(later) and state
    assert changed(after, watch.seen[-1][0])  # it goes on
    record = json.loads((tmp_path / 'results.json').read_text())
    assert record['skipped_steps'] == 1 and record['iter'] == 6
    log = (tmp_path / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert 'is skipped, as 1 of at most 10 steps. From iteration 3 on the loss is not' in log


def test_two_processes_skip_together(tmp_path):
    """One has a loss that is NaN; gradients are reduced, so both would step with NaN."""
    (tmp_path / 'one_nan.py').write_text(ONE_NAN)
    extra = {'custom_imports.imports': ['semiseg_mm.testing', 'one_nan'], 'custom_hooks': [SKIP]}
    extra['default_hooks.checkpoint.interval'] = 4
    cfg = toy_config(tmp_path / 'run', SUP_ONLY, max_iters=6, **extra)
    cfg.dump(tmp_path / 'config.py')
    tool = Path(__file__).parents[2] / 'tools/train.py'
    env = {**os.environ, 'PYTHONPATH': f'{tmp_path}:{os.environ.get("PYTHONPATH", "")}'}
    done = forked_ranks([tool, tmp_path / 'config.py', '--launcher', 'pytorch'], env)
    assert [one.returncode for one in done] == [0, 0], done[0].stderr[-2000:]
    assert not not_finite(weights(tmp_path / 'run/iter_6.pth'))
    assert json.loads((tmp_path / 'run/results.json').read_text())['skipped_steps'] == 1


def test_a_finite_run_is_the_same_with_skip_and_too_many_skips_stop(finite, tmp_path):
    train(tmp_path / 'same', custom_hooks=[SKIP])
    assert equal(tmp_path / 'same/iter_6.pth', finite / 'iter_6.pth')
    bad = [dict(type='Spoil', iteration=k) for k in (2, 4)]
    with pytest.raises(UserError, match=r'as 2 of at most 1 steps.* The training stopped'):
        train(tmp_path / 'bad', custom_hooks=[*bad, dict(SKIP, limit=1)])


def test_gradients_alone_may_be_at_fault(tmp_path):
    """The loss of the 2nd iteration is finite, a gradient is not."""

    class Overflow(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
            weight = runner.model.networks['student'].decode_head.conv_seg.weight
            if runner.iter == 1:
                self.handle = weight.register_hook(lambda grad: grad * float('inf'))
            elif runner.iter == 2:
                self.handle.remove()

    runner = build_runner(toy_config(tmp_path, SUP_ONLY, max_iters=3, custom_hooks=[SKIP]))
    runner.register_hook(Overflow())
    runner.train()
    assert not not_finite(weights(tmp_path / 'iter_3.pth'))
    log = (tmp_path / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert 'Iteration 2 is skipped, as 1 of at most 10 steps. Its gradients are not finite.' in log


def test_weights_with_nan_are_not_tested(finite, tmp_path, capfd):
    content = safe_load(finite / 'iter_3.pth')
    content['state_dict']['networks.student.backbone.0.bias'][0] = float('nan')
    torch.save(content, tmp_path / 'nan.pth')
    cfg = toy_config(tmp_path / 'run', SUP_ONLY)
    cfg.update(test_dataloader=cfg.val_dataloader, test_evaluator=cfg.val_evaluator)
    cfg.test_cfg = dict(type='NetworksTestLoop')
    cfg.dump(tmp_path / 'config.py')
    assert run_test([str(tmp_path / 'config.py'), str(tmp_path / 'nan.pth')]) == 1
    assert re.search(r'nan\.pth cannot be tested: 1 of \d+ weights are', capfd.readouterr().err)


def test_numbers_of_several_types_keep_their_places():
    given = [torch.tensor(1.0), torch.tensor([2]), torch.tensor(3.0, dtype=torch.float64)]
    assert numbers(given) == [1, 2, 3] and numbers([]) == []
    assert fault_in(dict(a=torch.ones(2), count=torch.ones(1, dtype=torch.long), text='b')) is None
    assert not_finite({}) == []


def test_a_checkpoint_hook_without_a_finite_hook_still_saves():
    """A runner of mmengine's own has none."""

    class Runner:
        hooks = (AtomicCheckpointHook(),)

    atomic_checkpoint_hook.check_finite(Runner(), 1)
