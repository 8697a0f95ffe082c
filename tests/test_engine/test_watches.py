"""What a training says of itself: once, in plain words, and without a trace in its weights."""

import re
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR, PolyLR

from semiseg_mm.apis.options import apply_options
from semiseg_mm.datasets.samplers import LabeledOversampleSampler, SourceRatioSampler
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.hooks import MeanTeacherHook, WatchHook, watch_hook
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.engine.watches import (
    AllUsed,
    FewImages,
    LargeImages,
    LittleUsed,
    LongMemory,
    ManyRepeats,
    ManyUnseen,
    Mean,
    RateZero,
    ScheduleEnd,
    TeacherBehind,
    TrainedOnValidation,
    Watch,
)
from semiseg_mm.engine.watches.teacher import Average
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS, WATCHES
from semiseg_mm.testing import toy_config

FIXMATCH = dict(type='WeakToStrongSegmentor', filter=dict(type='Threshold', value=0.99))
SLOW = [dict(type='MeanTeacherHook', decay=0.999, warmup=False)]
SOON = dict(shortest=1, checks=dict(LittleUsed=dict(patience=0.5, at_least=1)))


def said(folder, watch, model=FIXMATCH, hooks=SLOW, **extra) -> list[str]:
    """Train; returns what its checks said."""
    options = {'default_hooks.watch': watch, **extra}
    cfg = toy_config(folder, model, custom_hooks=hooks, **options)
    runner, lines = build_runner(cfg), []
    warn = runner.logger.warning

    def listen(text, *args):
        lines.append(str(text))
        warn(text, *args)

    runner.logger.warning = listen
    try:
        runner.train()
    finally:
        del runner.logger.warning
    return [line for line in lines if 'Said once' in line]


def weights(path) -> dict:
    return safe_load(path)['state_dict']


def test_a_training_says_what_is_wrong_once_and_stays_what_it_is(tmp_path, monkeypatch):
    fetched, fetch = [], watch_hook.numbers

    def count(values):
        values = list(values)
        fetched.append(len(values))
        return fetch(values)

    monkeypatch.setattr(watch_hook, 'numbers', count)
    once = {'train_cfg.val_interval': 6}
    found = said(tmp_path / 'a', SOON, **once)
    assert fetched == [3, 3, 3]  # kept of two iterations, acc_seg of one, at each log, not between
    slow, few, little = found
    assert 'decay=0.999 averages the student over about 1000 steps, but the training has 6' in slow
    assert 'BatchNorm layers take their statistics from 2 images at a time' in few
    assert 'In the last 4 iterations 0 % of the unlabeled pixels counted (kept)' in little
    assert 'Try decay=0.5 of MeanTeacherHook (now 0.999, ' in little
    assert 'or a lower model.filter.value (now 0.99), or ' in little
    (tmp_path / 'a/iter_6.pth').rename(tmp_path / 'whole.pth')
    assert said(tmp_path / 'a', SOON, resume=True, **once) == []  # in the same process
    assert said(tmp_path / 'b', None, **once) == []
    without = weights(tmp_path / 'b/iter_6.pth')
    for path in ('whole.pth', 'a/iter_6.pth'):
        own = weights(tmp_path / path)
        assert own.keys() == without.keys() and all(torch.equal(without[k], own[k]) for k in own)


def test_a_trial_says_nothing_and_a_check_can_be_added_or_left_out(tmp_path, monkeypatch):
    class Mine(Watch):
        def __init__(self, word='hello'):
            self.word = word

        def at_val(self, runner, metrics):
            return f'{self.word} at {runner.iter}' if metrics['student/mIoU'] >= 0 else None

    monkeypatch.setitem(WATCHES.module_dict, 'Mine', Mine)
    assert said(tmp_path / 'trial', {}) == []  # of 6 iterations
    others = dict.fromkeys(['LongMemory', 'FewImages', 'LittleUsed', 'TeacherBehind'])
    watch = dict(shortest=1, checks=dict(others, Mine=dict(word='hi')))
    (line,) = said(tmp_path / 'mine', watch)
    assert line == 'hi at 3 (Said once, by Mine: docs/en/warnings.md.)'
    with pytest.raises(UserError, match=r"'LitleUsed' is none of .*Did you mean 'LittleUsed'"):
        said(tmp_path / 'wrong', dict(checks=dict(LitleUsed=None)))


def test_options_set_thresholds_and_leave_the_hook_out(tmp_path):
    cfg = toy_config(tmp_path, FIXMATCH, custom_hooks=SLOW)
    apply_options(cfg, {'default_hooks.watch.checks.LittleUsed.share': 0.5})
    (hook,) = (hook for hook in build_runner(cfg).hooks if isinstance(hook, WatchHook))
    assert hook.checks == dict(LittleUsed=dict(share=0.5))
    apply_options(cfg, {'default_hooks.watch': None})
    assert not any(isinstance(hook, WatchHook) for hook in build_runner(cfg).hooks)


# ------------------------------------------------------------------ the teacher


@pytest.mark.parametrize(
    ('decay', 'steps', 'suited'),
    [(0.996, 500, '0.96'), (0.996, 749, '0.97'), (0.9996, 3000, '0.993'), (0.9999, 25, '0.5')],
)
def test_a_teacher_that_averages_over_a_third_is_too_slow(decay, steps, suited):
    sentence = LongMemory().warning(Average(decay, True, steps))
    assert f'decay={decay}' in sentence and f'decay={suited} suits' in sentence


@pytest.mark.parametrize(('decay', 'steps'), [(0.996, 751), (0.98, 1000), (0.9996, 100000)])
def test_a_teacher_that_forgets_in_time_is_none(decay, steps):
    assert LongMemory().warning(Average(decay, True, steps)) is None


def runner_of(iteration=499, max_iters=1000, hook=None, **model):
    return SimpleNamespace(
        model=SimpleNamespace(**model),
        hooks=[hook or MeanTeacherHook(decay=0.99)],
        optim_wrapper=SimpleNamespace(_accumulative_counts=1),
        iter=iteration,
        max_iters=max_iters,
    )


def test_a_teacher_behind_is_named_with_what_makes_it_faster():
    runner = runner_of(teachers=dict(teacher='student', teacher_projector='projector'))
    ask = TeacherBehind().at_val
    behind = {'teacher/mIoU': 30.0, 'student/mIoU': 41.5}
    text = ask(runner, behind)
    assert 'At iteration 499 the teacher has 30.0 mIoU, the student 41.5' in text
    assert 'Try decay=0.98 of MeanTeacherHook (now 0.99, the mean of about 100 of 1000' in text
    runner.hooks = [MeanTeacherHook(decay=0.98, warmup=False)]
    assert 'Try warmup=True of MeanTeacherHook.' in ask(runner, behind)
    runner.hooks = [MeanTeacherHook(decay=0.98, buffers='keep')]
    assert "Try buffers='copy'" in ask(runner, behind)
    assert ask(runner, {**behind, 'teacher/mIoU': 37.0}) is None
    runner.model.teachers = dict(resting='student', teacher='student')
    assert 'the teacher has 30.0 mIoU' in ask(runner, {**behind, 'resting/mIoU': 20.0})
    assert ask(runner, {**behind, 'resting/mIoU': 40.0}) is None  # the best one counts
    runner.model.teachers = dict(teacher='student')
    assert ask(runner, {'student/mIoU': 41.5}) is None
    runner.iter = 100
    assert ask(runner, behind) is None
    frozen = runner_of(hook=MeanTeacherHook(decay=1), teachers=dict(teacher='student'))
    assert ask(frozen, behind) is None


# ------------------------------------------------------------------ the pixels that count


def test_the_share_is_averaged_over_the_last_iterations():
    """Of 1000 iterations 200 are looked at; what was before does not count."""
    check, runner = LittleUsed(), runner_of(filter=None)
    shares = [0.5, 0, 0, 0.1, 0.005, 0.005, 0.005, 0.005]
    *before, text = (check.at_log(runner, dict(kept=Mean(share, 50))) for share in shares)
    assert not any(before)  # the last 200 have 0.15, 0.026, 0.0275, 0.02875
    assert 'In the last 200 iterations 0.5 % of the unlabeled pixels counted' in text
    assert 'pretrained weights' in text and 'filter.value' not in text


def test_stored_labels_that_cover_nothing_are_named():
    text = LittleUsed().at_log(runner_of(), dict(pseudo_share=Mean(0.01, 200)))
    assert '1 % of the unlabeled pixels had a stored label (pseudo_share)' in text
    assert 'the stage that made the labels' in text


def test_a_filter_that_does_nothing_is_named_unless_its_threshold_is_0():
    everything = dict(kept=Mean(1.0, 200))

    def ask(means, own):
        return AllUsed().at_log(runner_of(filter=own), means)

    threshold = SimpleNamespace(value=0.2)
    assert '100 % of the unlabeled pixels counted' in ask(everything, threshold)
    assert 'with model.filter.value=0.2. Try a higher' in ask(everything, threshold)
    assert 'leaves nothing out. Try' in ask(everything, SimpleNamespace())
    assert ask(everything, SimpleNamespace(value=0.0)) is None
    assert ask(everything, None) is None
    assert ask(dict(kept=Mean(0.99, 200)), threshold) is None
    assert ask(dict(kept=Mean(float('nan'), 200)), threshold) is None
    assert LittleUsed().at_log(runner_of(), dict(kept=Mean(float('nan'), 200))) is None


# ------------------------------------------------------------------ images


def test_images_of_a_layer_are_counted_while_it_trains():
    one, two, frozen, shared = (torch.nn.BatchNorm2d(3) for _ in range(4))
    shared = torch.nn.SyncBatchNorm(3)
    model = torch.nn.Sequential(one, two, frozen.eval())
    check, runner = FewImages(), SimpleNamespace(model=model)
    check.at_start(runner)
    model(torch.rand(8, 3, 2, 2))
    one(torch.rand(3, 3, 2, 2))
    frozen(torch.rand(1, 3, 2, 2))
    text = check.at_log(runner, {})
    assert text.startswith('1 BatchNorm layer takes its statistics from 3 images at a time')
    assert not any(layer._forward_pre_hooks for layer in model)
    assert FewImages(images=3).warning([3, 8]) is None
    assert FewImages().warning([1, 2]).startswith('2 BatchNorm layers take their statistics from 1')
    check._count(shared, (torch.rand(3, 3, 2, 2),))
    assert check.at_log(runner, {}) is not None  # one process


SIZES = dict(labeled=5, unlabeled=7)


def test_passes_are_those_of_the_stream():
    """Ten batches, counted; of the oversampled list whole passes of 5 * 2 + 7."""
    dataset = SimpleNamespace(num_labeled=5, num_unlabeled=7)
    samplers = [
        (SourceRatioSampler(dataset, 2, 4, seed=0), 10),
        (SourceRatioSampler(dataset, 2, 4, crops=2, seed=0), 10),
        (SourceRatioSampler(dataset, 2, 4, labeled_only=True, seed=0), 10),
        (LabeledOversampleSampler(dataset, 4, seed=0), 17),
    ]
    for sampler, iterations in samplers:
        requests = [sampler.at(k).index for k in range(iterations * sampler.batch_size)]
        labeled = sum(index < 5 for index in requests)
        unlabeled = (len(requests) - labeled) / getattr(sampler, 'crops', 1)
        expected = dict(labeled=labeled / 5, unlabeled=unlabeled / 7)
        passes = sampler.passes(iterations)
        assert passes == pytest.approx({k: v for k, v in expected.items() if v})


def test_labels_seen_too_often_and_images_never_seen():
    passes = dict(labeled=40000.0, unlabeled=0.25)
    text = ManyRepeats().warning(passes, SIZES, 10000)
    assert 'Each of the 5 labeled images comes 40000 times in 10000 iterations' in text
    assert 'train_cfg.max_iters=5250 or less' in text
    text = ManyUnseen().warning(passes, SIZES, 10000)
    assert '10000 iterations see 25 % of the 7 unlabeled images; a whole pass takes 40000' in text
    passes = dict(labeled=21000.0, unlabeled=0.5)
    assert ManyRepeats().warning(passes, SIZES, 1) is ManyUnseen().warning(passes, SIZES, 1) is None
    assert ManyUnseen().warning(dict(labeled=1.0), SIZES, 1) is None  # a yardstick sees none


def test_validation_images_among_the_training_images(tmp_path):
    for name in 'abcd':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((4, 4, 3), np.uint8))
    for name, ids in dict(labeled='a', unlabeled='bc', val='cd').items():
        (tmp_path / f'{name}.txt').write_text('\n'.join(ids))

    def source(name, kind='BaseSegDataset', **own):
        own.update(data_root=str(tmp_path), ann_file=f'{name}.txt', img_suffix='.png', pipeline=[])
        return dict(type=kind, **own)

    unlabeled = source('unlabeled', 'UnlabeledDataset', img_path='')
    training = dict(labeled=source('labeled'), unlabeled=unlabeled)
    dataset = DATASETS.build(dict(type='SemiDataset', **training))
    loaders = [SimpleNamespace(dataset=one) for one in (dataset, DATASETS.build(source('val')))]
    runner = SimpleNamespace(
        train_dataloader=loaders[0], val_loop=SimpleNamespace(dataloader=loaders[1])
    )
    text = TrainedOnValidation().at_start(runner)
    assert f'1 of 2 validation images are among the unlabeled images (the first: {tmp_path}' in text
    loaders[1].dataset = dataset.labeled
    text = TrainedOnValidation().at_start(runner)
    assert '1 of 1 validation images are among the labeled' in text
    runner.val_loop = None
    assert TrainedOnValidation().at_start(runner) is None


def test_large_images_that_are_seen_as_a_whole_are_named(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((3000, 2000), np.uint8))
    cv2.imwrite(str(tmp_path / 'b.png'), np.zeros((30, 20), np.uint8))
    paths = [str(tmp_path / name) for name in ('a.png', 'b.png')]
    loop = SimpleNamespace(image_paths=lambda: [*paths, 'http://a.b/c.png'])
    cfg = toy_config(tmp_path, FIXMATCH)
    cfg.train_dataloader.dataset.crop_size = (90, 60)
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=loop))
    runner = SimpleNamespace(val_loop=loop, cfg=cfg)
    text = LargeImages().at_start(runner)
    assert text.startswith('Images of up to 3000x2000 are validated as a whole')
    assert "mode='slide', crop_size=(90, 60), stride=(60, 40)" in text
    assert LargeImages(pixels=6_000_000).at_start(runner) is None
    cfg.model.test_cfg = dict(mode='slide')
    assert LargeImages().at_start(runner) is None
    runner.val_loop = None
    assert LargeImages().at_start(runner) is None


# ------------------------------------------------------------------ the learning rate


def test_a_decay_of_another_length_is_named():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    warmup = LinearLR(optimizer, start_factor=0.5, end=10, by_epoch=False)

    def ask(*schedulers):
        return ScheduleEnd().at_start(SimpleNamespace(param_schedulers=schedulers, max_iters=100))

    assert ask() is ask(warmup) is None
    assert ask(warmup, PolyLR(optimizer, begin=10, end=96, by_epoch=False)) is None
    text = ask(warmup, PolyLR(optimizer, begin=10, end=200, by_epoch=False))
    assert 'decays until iteration 200, the training ends at 100: the rate does not come' in text
    text = ask(CosineAnnealingLR(optimizer, T_max=50, end=100, by_epoch=False))
    assert 'decays until iteration 50' in text and 'set T_max=100' in text
    assert ask(PolyLR(optimizer, end=2)) is None  # epochs


def test_a_rate_of_0_is_named_while_iterations_are_left():
    def ask(rates, iteration):
        wrapper = SimpleNamespace(get_lr=lambda: dict(lr=rates, base_lr=[1.0]))
        runner = SimpleNamespace(optim_wrapper=wrapper, iter=iteration, max_iters=100)
        return RateZero().at_log(runner, {})

    assert 'rate is 0 at iteration 50, and 50 iterations are left' in ask([0.0, 0.0], 49)
    assert ask([0.0, 0.1], 49) is None  # a frozen part
    assert ask([0.0], 99) is None


# ------------------------------------------------------------------ the page


PAGE = (Path(__file__).resolve().parents[2] / 'docs/en/warnings.md').read_text(encoding='utf-8')


def test_the_page_has_every_check_with_its_defaults():
    rows = [[c.strip() for c in line.split('|')] for line in PAGE.splitlines() if '| `' in line]
    found = {row[1].strip('`'): row[3] for row in rows}
    expected = {}
    for name, kind in WATCHES.module_dict.items():
        arguments = [one for one in signature(kind).parameters.values() if one.name != 'self']
        texts = [f'`{one.name}={one.default}`' for one in arguments]
        expected[name] = ', '.join(texts).replace(str(1 / 3), '1/3')
    assert found == expected


def test_the_check_of_the_page_is_asked(monkeypatch):
    (code,) = re.findall(r'```python\n(.*?)```', PAGE, re.DOTALL)
    monkeypatch.setattr(WATCHES, '_module_dict', dict(WATCHES.module_dict))
    exec(code, names := {})
    assert WATCHES.get('Disagreement') is names['Disagreement']
    check = WATCHES.build(dict(type='Disagreement', share=0.3))
    assert 'agree on 25% of the pixels' in check.at_log(None, dict(agreement=Mean(0.25, 50)))
    assert check.at_log(None, {}) is check.at_log(None, dict(agreement=Mean(0.5, 50))) is None
