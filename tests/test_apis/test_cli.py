"""What the command line says when something is wrong, and what its switches do."""

import argparse
import errno
import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmseg.models import UNet
from torch import nn

from semiseg_mm.apis import make_sup_only, run_test, run_train
from semiseg_mm.apis.closing import closing
from semiseg_mm.apis.command import guarded
from semiseg_mm.apis.hints import explain_shapes
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config
from semiseg_mm.utils.places import config_path

CUTMIX = dict(type='CPSSegmentor', mixer=dict(type='BoxMix'), covers='unlabeled')


@pytest.fixture
def config(tmp_path):
    """A toy run as a config file; returns a function that writes it with changes."""

    def write(model=CUTMIX, **extra):
        cfg = toy_config('unused', model, max_iters=3, **extra)
        cfg.pop('work_dir')
        cfg.dump(tmp_path / 'config.py')
        return str(tmp_path / 'config.py')

    return write


@pytest.fixture
def fails(tmp_path, capfd):
    """Run tools/train.py's main, expect an error, return its one sentence."""

    def run(config, *args):
        assert run_train([config, '--work-dir', str(tmp_path / 'run'), *args]) == 1
        error = capfd.readouterr().err.strip().split('\n')[-1]
        assert error.startswith('error: ')
        return error

    return run


WRONG = {
    'model.wieght=3': "model.wieght is not an argument of CPSSegmentor: did you mean 'weight'?",
    'train_cfg.max_iter=3': 'train_cfg.max_iter is not an argument of SemiTrainLoop: did you mean '
    "'max_iters'?",
    'train_dataloader.dataset.labeled.num_image=3': "did you mean 'num_images'?",
    'train_dataloader.sampler.unlabelled=3': "did you mean 'unlabeled'?",
    'optim_wraper.optimizer.lr=1': "Did you mean 'optim_wrapper'?",
    'model.type=CPSSegmenter': 'Did you mean CPSSegmentor or ',
    'train_dataloader.sampler.unlabeled=1': 'Set train_dataloader.sampler.unlabeled to 2 or more',
    'randomness.diff_rank_seed=True': 'needs one seed for all processes',
}


@pytest.mark.parametrize('option', WRONG)
def test_wrong_keys_are_named_with_what_was_meant(option, config, fails):
    assert WRONG[option] in fails(config(), '--cfg-options', option)


def test_a_key_that_the_method_sets_itself_is_named(config, fails):
    said = fails(config(), '--cfg-options', "model.student_views=['weak']")
    assert 'model.student_views is set by' in said and 'leave it out' in said


@pytest.mark.parametrize('option', ['train_cfg.max_iters=ten', 'train_cfg.epochs=2'])
def test_a_length_that_cannot_be_is_refused_before_anything_is_written(
    option, config, fails, tmp_path, capfd
):
    assert 'train_cfg' in fails(config(), '--cfg-options', option)
    assert not (tmp_path / 'run').exists() and capfd.readouterr().out == ''


def test_missing_config(fails):
    assert 'nowhere.py does not exist' in fails('nowhere.py')


@pytest.mark.parametrize('word', ['mine', 'data/mine', 'data/mine/mien.py'])
def test_a_config_of_new_is_found_again(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('data/mine').mkdir(parents=True)
    Path('data/mine/mine.py').touch()
    what = 'is a folder' if word == 'data/mine' else 'does not exist'
    with pytest.raises(UserError, match=f'{word} {what}. Did you mean data/mine/mine.py?'):
        config_path(word)


def test_the_next_commands_can_be_pasted(tmp_path):
    folder = tmp_path / 'my run'
    folder.mkdir()
    (folder / 'results.json').write_text('{}')
    (folder / 'iter_1.pth').touch()
    (folder / 'last_checkpoint').write_text(str(folder / 'iter_1.pth'))
    assert f"Next: semiseg_mm report '{folder}', " in closing(str(folder))


def test_amp_needs_a_gpu(config, fails, monkeypatch):
    monkeypatch.setattr('semiseg_mm.apis.command.is_cuda_available', lambda: False)
    assert '--amp needs a GPU' in fails(config(), '--amp')


def test_amp_in_bfloat16_needs_none(config, tmp_path):
    path = config(**{'train_cfg.max_iters': 1, 'optim_wrapper.loss_scale': 512.0})
    assert run_train([path, '--work-dir', str(tmp_path / 'run'), '--amp', 'bfloat16']) == 0
    (used,) = (tmp_path / 'run').glob('*/vis_data/config.py')
    assert 'Bfloat16OptimWrapper' in used.read_text() and 'loss_scale' not in used.read_text()


# ------------------------------------------------------------------ bad data on disk


@pytest.fixture
def folder(make_folder):
    """Images and masks of 5 labeled and 5 unlabeled images, labels 0 to 6."""
    return make_folder(5, 5, (24, 24), 7)


@pytest.fixture
def on_disk(config, folder):
    """The toy run over that folder."""

    def write(**extra):
        crop, pack = dict(type='ScaleCrop', crop_size=16), dict(type='PackSemiInputs')
        load = [dict(type='LoadImageFromFile')]
        labeled = dict(
            _delete_=True,
            type='BaseSegDataset',
            data_root=str(folder),
            data_prefix=dict(img_path='img', seg_map_path='ann'),
            metainfo=dict(classes=tuple('abcdefg')),
            pipeline=[*load, dict(type='LoadAnnotations'), dict(type='CheckLabels'), crop, pack],
        )
        unlabeled = dict(
            _delete_=True,
            type='UnlabeledDataset',
            img_path=str(folder / 'more'),
            pipeline=[*load, crop, dict(type='MultiView', views=dict(weak=[])), pack],
        )
        sources = dict(labeled=labeled, unlabeled=unlabeled)
        for key, value in extra.items():
            source, field = key.split('.', 1)
            sources[source][field] = value
        return config(**{'train_dataloader.dataset': dict(sources)})

    return write


def test_a_good_folder_trains(on_disk, tmp_path):
    assert run_train([on_disk(), '--work-dir', str(tmp_path / 'run')]) == 0
    assert (tmp_path / 'run/iter_3.pth').exists()


def test_missing_data_root(on_disk, fails):
    message = fails(on_disk(**{'labeled.data_root': '/nowhere/voc'}))
    assert 'The folder /nowhere/voc does not exist' in message
    assert '--cfg-options train_dataloader.dataset.labeled.data_root=' in message


def test_missing_id_list(on_disk, fails, folder):
    message = fails(on_disk(**{'labeled.ann_file': 'absent.txt'}))
    assert f'The id list {folder}/absent.txt does not exist' in message


def test_label_out_of_range_and_more_classes_than_in_the_config(on_disk, fails, folder):
    mask = np.full((24, 24), 9, np.uint8)
    cv2.imwrite(str(folder / 'ann/3.png'), mask)
    message = fails(on_disk())
    assert 'ann/3.png holds the label 9, but the dataset has 7 classes' in message
    assert not (folder / 'run/iter_3.pth').exists()


def test_a_bad_mask_beyond_the_first_look_is_one_sentence_too(on_disk, fails, folder, monkeypatch):
    """Found by a worker, which wraps the sentence into its traceback."""
    monkeypatch.setattr('semiseg_mm.datasets.SemiDataset.check_labels', lambda self: None)
    for index in range(5):
        cv2.imwrite(str(folder / f'ann/{index}.png'), np.full((24, 24), 9, np.uint8))
    config = on_disk()
    message = fails(config, '--cfg-options', 'train_dataloader.num_workers=1')
    assert message.startswith('error: The mask') and 'holds the label 9' in message


def test_a_binary_mask_of_0_and_255_is_fine_but_254_is_not(on_disk, fails, folder):
    mask = np.full((24, 24), 255, np.uint8)
    mask[0] = 254
    cv2.imwrite(str(folder / 'ann/0.png'), mask)
    assert 'ann/0.png holds the label 254' in fails(on_disk())


def test_image_and_mask_of_different_sizes(on_disk, fails, folder):
    cv2.imwrite(str(folder / 'ann/1.png'), np.zeros((24, 20), np.uint8))
    message = fails(on_disk())
    assert 'ann/1.png is 24x20' in message and 'img/1.jpg is 24x24x3' in message


def test_empty_unlabeled_folder(on_disk, fails, folder):
    shutil.rmtree(folder / 'more')
    (folder / 'more').mkdir()
    (folder / 'more/notes.txt').write_text('no image')
    message = fails(on_disk())
    assert f'No unlabeled image found in {folder}/more' in message


def test_missing_unlabeled_folder(on_disk, fails, folder):
    shutil.rmtree(folder / 'more')
    message = fails(on_disk())
    assert f'The folder {folder}/more does not exist' in message
    assert 'unlabeled.img_path' in message


# ------------------------------------------------------------------ switches


def test_sup_only_sees_the_same_labeled_requests(config, tmp_path):
    """The same network, stream and schedule; no teacher, no hook, no unlabeled image."""
    path = config(dict(type='MeanTeacher'), custom_hooks=[dict(type='MeanTeacherHook')])
    assert run_train([path, '--sup-only', '--work-dir', str(tmp_path / 'run')]) == 0
    networks = json.loads((tmp_path / 'run/results.json').read_text())['networks']
    assert set(networks) == {'student'}


def test_sup_only_scales_the_base_batch_and_leaves_the_config_alone():
    cfg = toy_config('unused', CUTMIX, auto_scale_lr=dict(base_batch_size=4))
    before = cfg.pretty_text
    sup_only = make_sup_only(cfg)
    assert cfg.pretty_text == before
    assert sup_only.auto_scale_lr.base_batch_size == 2
    assert sup_only.model.segmentor == cfg.model.segmentor
    assert sup_only.train_cfg == cfg.train_cfg


def test_sup_only_keeps_the_preprocessing():
    shared = dict(type='SegDataPreProcessor', mean=[1.0] * 3, std=[2.0] * 3)
    assert (
        make_sup_only(
            toy_config('unused', dict(CUTMIX, data_preprocessor=shared))
        ).model.data_preprocessor.mean
        == [1.0] * 3
    )


def test_auto_scale_lr_scales(config, tmp_path):
    path = config(auto_scale_lr=dict(base_batch_size=8), param_scheduler=None)
    work_dir = tmp_path / 'run'
    assert run_train([path, '--auto-scale-lr', '--work-dir', str(work_dir)]) == 0
    lines = next(work_dir.glob('*/vis_data/scalars.json')).read_text().splitlines()
    assert json.loads(lines[0])['lr'] == pytest.approx(0.005)  # 0.01 * 4 / 8


def test_testing_gives_what_validation_gave(config, tmp_path, capfd):
    """The same protocol in both, for every network or one."""
    path = config(test_dataloader=None, test_cfg=None, test_evaluator=None)
    with open(path, 'a') as file:
        file.write(
            'test_dataloader = val_dataloader\ntest_evaluator = val_evaluator\n'
            "test_cfg = dict(type='NetworksTestLoop')\nlog_level = 'INFO'\n"
        )
    work_dir = tmp_path / 'run'
    assert run_train([path, '--work-dir', str(work_dir)]) == 0
    networks = json.loads((work_dir / 'results.json').read_text())['networks']
    checkpoint = str(work_dir / 'iter_3.pth')
    out = tmp_path / 'test'
    assert run_test([path, checkpoint, '--work-dir', str(out)]) == 0
    (scores,) = [json.loads(p.read_text()) for p in out.glob('*/*.json')]
    for name, metrics in networks.items():
        assert scores[f'{name}/mIoU'] == pytest.approx(metrics['mIoU']['last'])
    alone = tmp_path / 'alone'
    assert run_test([path, checkpoint, '--network', 'net_1', '--work-dir', str(alone)]) == 0
    (scores,) = [json.loads(p.read_text()) for p in alone.glob('*/*.json')]
    assert {key.split('/')[0] for key in scores if '/' in key} == {'net_1'}
    capfd.readouterr()
    for wrong in (['--network', 'teacher'], ['--out', str(tmp_path / 'png')]):
        assert run_test([path, checkpoint, *wrong]) == 1
        assert 'has net_0, net_1: choose one with --network' in capfd.readouterr().err
    png = tmp_path / 'png'
    args = ['--network', 'net_0', '--out', str(png), '--work-dir', str(alone)]
    assert run_test([path, checkpoint, *args]) == 0
    assert len(list(png.glob('*.png'))) == 4


def test_broken_unlabeled_images_do_not_stop_a_run(on_disk, tmp_path, folder):
    """One of five is cut off: listed, replaced, and the run ends well; a labeled one stops it."""
    path = folder / 'more/u2.jpg'
    path.write_bytes(path.read_bytes()[:-50])
    load = [dict(type='LoadImage'), dict(type='ScaleCrop', crop_size=16)]
    views = [dict(type='MultiView', views=dict(weak=[])), dict(type='PackSemiInputs')]
    config = on_disk(**{'unlabeled.pipeline': [*load, *views]})
    many = ['train_dataloader.dataset.max_broken=0.5', 'train_cfg.max_iters=6']
    many += ['train_dataloader.num_workers=1', 'train_dataloader.persistent_workers=True']
    assert run_train([config, '--work-dir', str(tmp_path / 'run'), '--cfg-options', *many]) == 0
    assert 'u2.jpg' in (tmp_path / 'run/broken_images.txt').read_text()


# ------------------------------------------------------------------ Ctrl-C


def interrupt(*_):
    raise KeyboardInterrupt


def interrupt_while_a_config_is_laid_out(*_):
    try:
        interrupt()
    except:  # noqa: E722  (as mmengine does it)
        raise SyntaxError('Failed to format the config file')  # noqa: B904


@pytest.mark.parametrize('run', [interrupt, interrupt_while_a_config_is_laid_out])
def test_an_interruption_is_one_wherever_it_comes(run, capsys):
    assert guarded(run, argparse.Namespace(resume=None)) == 130
    assert 'Stopped. The same command with --resume goes on.' in capsys.readouterr().err
    assert guarded(run, argparse.Namespace()) == 130  # of a tool that has no such option
    assert capsys.readouterr().err == '\nStopped.\n'


def test_an_error_of_the_code_keeps_its_traceback():
    def fail(_):
        raise SyntaxError('a mistake of ours')

    with pytest.raises(SyntaxError, match='a mistake of ours'):
        guarded(fail, argparse.Namespace())


@pytest.mark.parametrize(
    ('code', 'advice'),
    [
        (errno.ENOSPC, 'free some space'),
        (errno.EROFS, 'choose another place (--work-dir)'),
        (errno.EACCES, 'correct the permissions'),
        (errno.ENOTDIR, 'a file where a folder should be'),
        (errno.ELOOP, 'links lead in a circle'),
    ],
)
def test_what_the_disk_refuses_is_one_sentence(code, advice, capsys):
    def run(_):
        raise OSError(code, os.strerror(code), 'some/file')

    assert guarded(run, argparse.Namespace()) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith(f'error: {os.strerror(code)} (some/file): ') and advice in error


def test_a_refusal_that_is_not_of_files_keeps_its_traceback():
    def run(_):
        raise OSError(errno.EPERM, 'Operation not permitted')

    with pytest.raises(PermissionError):
        guarded(run, argparse.Namespace())


def test_a_batch_that_the_network_cannot_take_is_one_sentence():
    """As torch and mmseg's UNet say it."""
    one = nn.BatchNorm2d(3)
    with pytest.raises(ValueError) as caught:
        one(torch.zeros(1, 3, 1, 1))
    assert 'gets [1, 3, 1, 1]' in explain_shapes(caught.value)
    network = UNet(base_channels=2, num_stages=3, strides=(1,) * 3, enc_num_convs=(2,) * 3,
                   dec_num_convs=(2,) * 2, downsamples=(True,) * 2, enc_dilations=(1,) * 3,
                   dec_dilations=(1,) * 2)  # fmt: skip
    with pytest.raises(AssertionError) as caught:
        network(torch.zeros(2, 3, 9, 12))
    assert '(9, 12)' in explain_shapes(caught.value)
    assert 'multiples of 4' in explain_shapes(caught.value)
    assert explain_shapes(ValueError('anything else')) is None
