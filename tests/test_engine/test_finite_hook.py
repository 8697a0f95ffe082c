"""NaN ends a training with a sentence, and never a checkpoint."""

import os

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from test_engine.test_distributed import dist_train

from semiseg_mm.apis.cli import run_train
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.finite import fault_in, not_finite, numbers
from semiseg_mm.engine.hooks import AtomicCheckpointHook, FiniteHook, atomic_checkpoint_hook
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.testing import toy_config

SUP_ONLY = dict(type='SupOnly')
OFTEN = {'default_hooks.checkpoint.interval': 2, 'default_hooks.checkpoint.max_keep_ckpts': 1}


@HOOKS.register_module()
class Spoil(Hook):
    """Puts NaN into the images of an iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter + 1 == self.iteration:
            images = data_batch['inputs']
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
    (tmp_path / 'one_nan.py').write_text(
        'from mmengine.dist import get_rank\n'
        'from semiseg_mm.models import SupOnly\n'
        'original = SupOnly.loss\n'
        'def loss(self, *args, **kwargs):\n'
        '    found = original(self, *args, **kwargs)\n'
        '    bad = get_rank() == 1 and self.iteration == 3\n'
        '    return {k: v * float("nan") if bad else v for k, v in found.items()}\n'
        'SupOnly.loss = loss\n'
    )
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
