"""What a run says when its batch is not the one its config was written for."""

from pathlib import Path

import pytest
from mmengine.config import Config

from semiseg_mm.engine.batch_hint import Batch, batch_hint, batch_in
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import toy_stages

CPS = dict(type='CPSSegmentor')
SAMPLER = 'train_dataloader.sampler'
PAIR = {f'{SAMPLER}.labeled': 2, f'{SAMPLER}.unlabeled': 2}


def log_of(cfg):
    """Train, and read what was logged."""
    cfg.log_level = 'INFO'
    cfg.default_hooks.checkpoint.interval = cfg.train_cfg.max_iters
    build_runner(cfg).train()
    (path,) = Path(cfg.work_dir).glob('*/*.log')
    return path.read_text()


def test_epochs_stay_where_the_config_says_them():
    """Half the images an iteration: twice the iterations, the same images."""
    batch = Batch(8, dict())
    plain = batch_hint(batch, dict(base_batch_size=16), 2000, epochs=5)
    assert plain.endswith('The 5 epochs stay as written: here 2000 iterations.')
    scaled = batch_hint(batch, dict(base_batch_size=16, enable=True), 2000, epochs=5)
    assert scaled.endswith(
        '0.5 times that of the config. The 5 epochs stay as written: here 2000 iterations.'
    )


def test_the_example_of_own_images_on_one_gpu():
    """sgd_20k_voc: 8 GPUs x (2 + 2) images; its rate on one of them is eight times too high."""
    hint = batch_hint(Batch(4, PAIR), dict(base_batch_size=32), 20000)
    assert hint == (
        'The config is written for 32 images an iteration (8 x 4), this run has 4 (1 x 4): '
        '--auto-scale-lr multiplies the learning rate by 0.125, '
        'train_dataloader.sampler.labeled=16 train_dataloader.sampler.unlabeled=16 would keep the '
        'batch. The 20000 iterations stay as written; with this batch they see 12.5 % of the '
        'planned images.'
    )


def test_what_scaling_does_not_do():
    scale = dict(base_batch_size=32, enable=True)
    assert batch_hint(Batch(4, PAIR, processes=2), scale, 1000) == (
        'auto_scale_lr: the learning rate is 0.25 times that of the config. The 1000 iterations '
        'stay as written: this run sees 8000 images, 25 % of the planned 32000.'
    )
    grown = batch_hint(Batch(4, PAIR), scale, 1000, rows=1500)
    assert 'sees 6000 images, 12.5 % of the planned 48000' in grown


@pytest.mark.parametrize('enable', [False, True])
def test_nothing_to_say(enable):
    for base, batch in (
        (32, Batch(4, PAIR, processes=8)),
        (None, Batch(4, PAIR)),
        (32, Batch(None, {})),
    ):
        assert batch_hint(batch, dict(base_batch_size=base, enable=enable), 9) is None
    assert batch_hint(Batch(4, PAIR), None, 9) is None


def test_accumulated_gradients():
    """8 iterations of 4 make the step of 32 images; the iterations are counted singly."""
    scale = dict(base_batch_size=32)
    hint = batch_hint(Batch(4, PAIR, accumulated=8), scale, 1000)
    assert 'added up over 8 iterations for a step: the learning rate fits. ' in hint
    assert hint.endswith('with this batch they see 12.5 % of the planned images.')
    hint = batch_hint(Batch(4, PAIR, accumulated=2), scale, 1000)
    assert '0.25 times it would (not by --auto-scale-lr, which does not count' in hint
    hint = batch_hint(Batch(4, PAIR, processes=8, accumulated=2), scale, 1000)
    assert '; 2 times it would' in hint and hint.endswith('The 1000 iterations stay as written.')
    scaled = batch_hint(Batch(4, PAIR, accumulated=2), dict(scale, enable=True), 1000)
    assert '(optim_wrapper.accumulative_counts=2 is not counted)' in scaled


def test_a_batch_that_no_numbers_keep():
    hint = batch_hint(Batch(3, {'a.labeled': 1, 'a.unlabeled': 2}), dict(base_batch_size=16), 10)
    assert 'would keep' not in hint and '16 images an iteration, this run has 3 (1 x 3)' in hint


def test_a_config_as_compare_asks_for_it():
    cfg = Config(
        dict(
            train_dataloader=dict(sampler=dict(labeled=2, unlabeled=2, labeled_only=True)),
            optim_wrapper=dict(accumulative_counts=3),
        )
    )
    assert batch_in(cfg) == Batch(4, PAIR, accumulated=3)


# ------------------------------------------------------------------ in the log of a training


def test_the_log_of_a_training_has_it_once(tmp_path):
    cfg = toy_config(tmp_path, CPS, 2, auto_scale_lr=dict(base_batch_size=8))
    text = log_of(cfg)
    assert text.count('written for 8 images an iteration (2 x 4), this run has 4 (1 x 4)') == 1
    assert f'{SAMPLER}.labeled=4 {SAMPLER}.unlabeled=4 would keep the batch' in text
    assert 'with this batch they see 50 % of the planned images' in text


def test_the_log_of_a_scaled_training(tmp_path):
    scale = dict(base_batch_size=8, enable=True)
    text = log_of(toy_config(tmp_path, CPS, 2, auto_scale_lr=scale))
    assert 'this run sees 8 images, 50 % of the planned 16' in text and 'written for' not in text


def test_sup_only_speaks_of_its_labeled_images(tmp_path):
    fits = toy_config(tmp_path / 'fits', CPS, 1, auto_scale_lr=dict(base_batch_size=4))
    text = log_of(make_sup_only(fits))
    assert '2 x 1 images an iteration' in text and 'stay as written' not in text
    cfg = toy_config(tmp_path / 'not', CPS, 1, auto_scale_lr=dict(base_batch_size=16))
    text = log_of(make_sup_only(cfg))
    assert 'written for 8 images an iteration (4 x 2), this run has 2 (1 x 2)' in text
    assert f', {SAMPLER}.labeled=8 would keep the batch' in text


def test_each_stage_speaks_for_itself(tmp_path):
    cfg = toy_stages(tmp_path, 'st', 2, auto_scale_lr=dict(base_batch_size=8))
    cfg.log_level = 'INFO'
    build_runner(cfg).train()
    found = {
        stage: next((tmp_path / stage).glob('*/*.log')).read_text()
        for stage in ('01_teacher', '03_student')
    }
    assert 'written for 4 images an iteration (2 x 2), this run has 2' in found['01_teacher']
    assert 'written for 8 images an iteration (2 x 4), this run has 4' in found['03_student']


def test_accumulation_is_read_from_the_optimizer(tmp_path):
    extra = {'optim_wrapper.accumulative_counts': 2, 'auto_scale_lr': dict(base_batch_size=8)}
    assert 'iterations for a step: the learning rate fits.' in log_of(
        toy_config(tmp_path, CPS, 2, **extra)
    )


def test_a_sampler_of_mmengine(tmp_path):
    cfg = toy_config(tmp_path, dict(type='SupOnly'), 1, auto_scale_lr=dict(base_batch_size=4))
    dataset = cfg.train_dataloader.dataset.labeled
    cfg.train_dataloader = dict(
        batch_size=2, num_workers=0, sampler=dict(type='InfiniteSampler'), dataset=dataset,
        collate_fn=dict(type='collate_views'),
    )  # fmt: skip
    assert 'train_dataloader.batch_size=4 would keep the batch' in log_of(cfg)


def test_passes_count_images_not_crops(tmp_path):
    """14 crops in 7 iterations are 7 images in pairs: once through the 7 unlabeled ones."""
    pairs = {'train_dataloader.sampler.crops': 2, 'train_cfg.val_interval': 7}
    text = log_of(toy_config(tmp_path / 'pairs', CPS, 7, **pairs))
    assert '2.8 passes over 5 labeled images, 1.0 passes over 7 unlabeled images' in text
    text = log_of(toy_config(tmp_path / 'single', CPS, 7, **{'train_cfg.val_interval': 7}))
    assert '2.8 passes over 5 labeled images, 2.0 passes over 7 unlabeled images' in text
