"""Epochs become iterations when the lists are known."""

import pytest
from mmengine.config import Config

from semiseg_mm.apis.compare import main as compare
from semiseg_mm.datasets.samplers import LabeledOversampleSampler, SourceRatioSampler
from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.engine.train_plan import TrainPlan, plan_of, settle
from semiseg_mm.errors import UserError
from semiseg_mm.testing.stages import run_stages, toy_stages
from semiseg_mm.testing.toy import toy_config

SUP_ONLY = dict(type='SupOnly')


def with_epochs(cfg: Config, **words) -> Config:
    cfg.train_cfg = dict(type='SemiTrainLoop', **words)
    return cfg


def iters(labeled: int, unlabeled: int, shares: dict, processes: int = 1, **words) -> int:
    sizes = dict(labeled=labeled, unlabeled=unlabeled)
    return TrainPlan(**words).count(sizes, shares, processes).max_iters


# ------------------------------------------------------------------ the rules, by hand


def test_a_pass_leaves_out_what_fills_no_batch_of_all_processes():
    """10490 images, 4 x 2 an iteration: 1311 whole batches, 2 images are left over."""
    shares = SourceRatioSampler.shares(labeled=2, unlabeled=2)
    assert iters(92, 10490, shares, 4, epochs=80, of='unlabeled') == 80 * 1311
    assert iters(92, 10490, shares, 1, epochs=80, of='unlabeled') == 80 * 5245
    assert iters(92, 10490, shares, 8, epochs=80, of='unlabeled') == 80 * 655


def test_padded_gives_each_process_its_share_rounded_up():
    """7 images on 4 processes, one at a time: 2 each, where 4 at once go into 7 once."""
    shares = SourceRatioSampler.shares(labeled=1, unlabeled=1)
    assert iters(3, 7, shares, 4, epochs=5, of='unlabeled', padded=True) == 10
    assert iters(3, 7, shares, 4, epochs=5, of='unlabeled') == 5


@pytest.mark.parametrize('processes', [1, 2, 4, 8])
def test_other_processes_see_as_many_images(processes):
    shares = SourceRatioSampler.shares(labeled=2, unlabeled=2)
    found = iters(92, 800, shares, processes, epochs=3, of='unlabeled', padded=True)
    assert found * processes * 2 == 3 * 800


def test_crops_of_one_image_are_one_image():
    shares = SourceRatioSampler.shares(labeled=2, unlabeled=4, crops=2)
    assert shares['unlabeled'] == 2
    assert iters(5, 8, shares, epochs=1, of='unlabeled') == 4


def test_oversampled_list_repeats_the_labels_to_the_unlabeled_images_or_just_beyond():
    """3 labels for 7 images are repeated 3 times: 9 + 7 = 16 images, 4 at a time."""
    shares = LabeledOversampleSampler.shares(batch_size=4)
    assert iters(3, 7, shares, epochs=2, of='oversampled') == 2 * 4
    assert iters(3, 7, shares, 2, epochs=2, of='oversampled') == 2 * 2


def test_few_labels_are_counted_twice_where_they_are_alone():
    shares = SourceRatioSampler.shares(labeled=4, unlabeled=0)
    words = dict(epochs=1, of='oversampled', double_labels_below=9)
    assert iters(8, 0, shares, **words) == 4
    assert iters(9, 0, shares, **words) == 2
    assert iters(8, 8, shares, **words) == 4  # 8 + 8 images


def test_a_repeated_list_has_the_length_that_is_given():
    shares = SourceRatioSampler.shares(labeled=8, unlabeled=0, labeled_only=True)
    words = dict(epochs=60, of='labeled', length=3000, padded=True)
    assert iters(92, 0, shares, 4, **words) == iters(1464, 0, shares, 4, **words) == 5580


def test_a_list_smaller_than_a_batch_is_one_iteration():
    shares = SourceRatioSampler.shares(labeled=8, unlabeled=0)
    assert iters(3, 0, shares, epochs=5, of='labeled') == 5


def test_vals_are_so_many_validations():
    sizes, shares = dict(labeled=0, unlabeled=8), dict(unlabeled=1)
    words = TrainPlan(epochs=5, of='unlabeled', vals=10)
    assert words.count(sizes, shares).val_interval == 4
    assert TrainPlan(max_iters=4, vals=10).count({}, {}).val_interval == 1
    assert TrainPlan(max_iters=4).count({}, {}).val_interval == 1000  # mmengine's


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (dict(), 'neither max_iters nor epochs'),
        (dict(max_iters=5, epochs=2, of='labeled'), r'both max_iters=5 and epochs=2.*epochs=None'),
        (dict(max_iters=5, val_interval=2, vals=3), 'both val_interval=2 and vals=3'),
        (dict(epochs=2), "train_cfg.of=None is none of 'unlabeled', 'labeled', 'oversampled'"),
        (dict(epochs=2, of='unlabelled'), "Did you mean 'unlabeled'"),
        (dict(max_iters=2, of='unlabelled'), "Did you mean 'unlabeled'"),
        (dict(epochs=0, of='labeled'), 'train_cfg.epochs=0 must be a number above 0'),
        (dict(max_iters=2.5), 'train_cfg.max_iters=2.5 must be a whole number above 0'),
    ],
)
def test_words_that_do_not_fit_are_refused(words, sentence):
    with pytest.raises(UserError, match=sentence):
        TrainPlan(**words)


@pytest.mark.parametrize(
    ('shares', 'unlabeled', 'of', 'sentence'),
    [
        (dict(labeled=2), 0, 'unlabeled', "training has no such images.* or of='labeled'"),
        (dict(oversampled=2), 9, 'labeled', "sampler draws from no .* or of='oversampled'"),
        ({}, 0, 'unlabeled', 'set max_iters instead of epochs'),
    ],
)
def test_a_list_that_nobody_draws_from_is_refused(shares, unlabeled, of, sentence):
    with pytest.raises(UserError, match=sentence):
        iters(5, unlabeled, shares, epochs=1, of=of)


def test_without_its_data_a_config_with_epochs_is_refused(tmp_path):
    cfg = with_epochs(toy_config(tmp_path, SUP_ONLY), epochs=1, of='labeled')
    cfg.train_dataloader.dataset.labeled.update(data_root='nowhere')
    with pytest.raises(UserError, match='folder nowhere does not exist'):
        plan_of(cfg)


def test_a_plain_dataset_is_refused(tmp_path):
    cfg = with_epochs(toy_config(tmp_path, SUP_ONLY), epochs=1, of='labeled')
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.labeled
    cfg.train_dataloader.sampler = dict(type='InfiniteSampler')
    with pytest.raises(UserError, match='set max_iters instead'):
        plan_of(cfg)


# ------------------------------------------------------------------ a run


def test_all_that_asks_for_the_iterations_gets_the_counted_number(tmp_path):
    """7 unlabeled images, 2 at a time, 3 epochs: 9 iterations, a validation every third of them;
    the learning rate and the crop sizes end with the last one."""
    cfg = with_epochs(toy_config(tmp_path, SUP_ONLY), epochs=3, of='unlabeled', vals=3)
    cfg.train_dataloader.sampler.labeled_only = True  # counts as its method does
    cfg.custom_hooks = [dict(type='CropSizeSchedulerHook', sizes=[8, 16])]
    cfg.log_level = 'INFO'
    assert plan_of(cfg)[:2] == (9, 3)
    runner = build_runner(cfg)
    runner.train()
    assert (runner.iter, runner.max_iters, runner.train_loop.val_interval) == (9, 9, 3)
    assert runner.param_schedulers[0].end == 9
    assert [hook.plan.ends for hook in runner.hooks if hasattr(hook, 'factor')] == [[4, 9]]
    assert (tmp_path / 'iter_9.pth').is_file()
    (log,) = tmp_path.glob('*/*.log')
    said = '3 epochs of 7 unlabeled images, 2 x 1 an iteration: 3 x 3 = 9 iterations'
    assert f'{said}, validated every 3.' in log.read_text()


def test_counted_training_resumes(tmp_path):
    """The checkpoint remembers the counted number, and another one stops it."""
    words = dict(of='unlabeled', val_interval=3)
    build_runner(with_epochs(toy_config(tmp_path, SUP_ONLY), epochs=2, **words)).train()
    cfg = with_epochs(toy_config(tmp_path, SUP_ONLY, resume=True), epochs=3, **words)
    with pytest.raises(UserError, match='planned for 6 iterations, now for 9'):
        build_runner(cfg).train()


@pytest.mark.parametrize('of', ['unlabeled', 'oversampled'])
def test_yardstick_has_the_iterations_of_its_method(of, tmp_path):
    cfg = with_epochs(toy_config(tmp_path, dict(type='CPSSegmentor')), epochs=3, of=of)
    if of == 'oversampled':
        cfg.train_dataloader.sampler = dict(type='LabeledOversampleSampler', batch_size=4)
    yardstick = make_sup_only(cfg)
    assert plan_of(yardstick).max_iters == plan_of(cfg).max_iters
    build_runner(yardstick).train()
    assert (tmp_path / f'iter_{plan_of(cfg).max_iters}.pth').is_file()


def test_settled_config_has_numbers_and_no_words(tmp_path):
    cfg = with_epochs(toy_config(tmp_path, SUP_ONLY), epochs=3, of='unlabeled', vals=2)
    assert settle(cfg).epochs == 3
    assert cfg.train_cfg == dict(type='SemiTrainLoop', max_iters=9, val_interval=5)


def test_each_stage_counts_its_own_lists(tmp_path):
    """5 labels: a teacher of 2 epochs, 2 at a time, has 4 iterations. Of 11 images 5 and the 5
    labels make 10, all of them 15 + 11 = 26, 4 at a time: students of 4 and 12. The finished run
    is left alone by a second call."""
    cfg = with_epochs(toy_stages(tmp_path), epochs=2, of='oversampled', vals=1)
    cfg.train_dataloader.sampler = dict(type='SourceRatioSampler', labeled=2, unlabeled=0)
    for stage in cfg.stages:
        if stage.get('labels'):
            sampler = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=4)
            stage.cfg = dict(train_dataloader=dict(sampler=sampler))
    run_stages(cfg)
    trained = ('01_teacher', '04_first_student', '06_student')
    assert [max(checkpoints(tmp_path / stage)) for stage in trained] == [4, 4, 12]
    again = run_stages(cfg)
    assert all('already done' in line for line in again if line.startswith('Stage '))


def test_stage_with_both_words_is_refused_before_it_starts(tmp_path):
    cfg = toy_stages(tmp_path)
    cfg.stages[0].cfg = dict(train_cfg=dict(epochs=2, of='labeled'))
    with pytest.raises(UserError, match="Stage 'teacher': train_cfg has both"):
        build_runner(cfg)


def test_stage_without_the_named_list_is_refused_before_it_starts(tmp_path):
    cfg = with_epochs(toy_stages(tmp_path), epochs=2, of='unlabeled')
    with pytest.raises(UserError, match=r"Stage 'teacher'.* no such images.* or of='labeled'"):
        build_runner(cfg)


def test_compare_counts_once_for_all_methods(tmp_path, capsys):
    cfg = with_epochs(toy_config(tmp_path / 'x', SUP_ONLY), epochs=2, of='unlabeled', vals=1)
    cfg.pop('work_dir')
    file = tmp_path / 'base.py'
    file.write_text(cfg.pretty_text)
    argv = [str(file), '--methods', 'sup_only', '--seeds', '0', '--work-dir', str(tmp_path / 'out')]
    assert compare(argv) == 0, capsys.readouterr().out
    found = Config.fromfile(tmp_path / 'out/configs/sup_only.py').train_cfg
    assert found == dict(type='SemiTrainLoop', max_iters=6, val_interval=6)
    assert (tmp_path / 'out/sup_only/seed_0/iter_6.pth').is_file()
