"""Options that take one of a few words: another word stops with the one that is most like it."""

import re

import numpy as np
import pytest
import torch

from semiseg_mm.apis.command import choose_network
from semiseg_mm.apis.compare import options_by_label
from semiseg_mm.apis.compare.methods import choose
from semiseg_mm.datasets import CentroidSampler, RandomOps, ShapesDataset, tile_centroids
from semiseg_mm.datasets.backends import with_backend
from semiseg_mm.datasets.crop_schedule import sweep
from semiseg_mm.engine.hooks import AtomicCheckpointHook, CropSizeSchedulerHook, IdentityHook
from semiseg_mm.engine.stages.label import LabelStage
from semiseg_mm.errors import UserError
from semiseg_mm.models.data_preprocessor import SemiDataPreprocessor
from semiseg_mm.testing.stages import run_stages, toy_stages


class TwoImages:
    num_labeled, num_unlabeled = 2, 0
    label_sources = dict(labeled=None)

    def __len__(self) -> int:
        return 2


def label_stage(**options):
    return LabelStage('labels', teacher='teacher', **options)


def centroids(**options):
    return CentroidSampler(TwoImages(), labeled=1, seed=0, fraction=0, **options)


REFUSED = {
    "on_mismatch='stpo' of IdentityHook|'stop'": lambda: IdentityHook(on_mismatch='stpo'),
    "schedule='coarse2fin' of CropSizeSchedulerHook|'coarse2fine'": lambda: CropSizeSchedulerHook(
        'coarse2fin', sizes=[8]
    ),
    "schedule='fine2coars+' of|'fine2coarse+'": lambda: sweep('fine2coars+', [8], max_iters=4),
    "anchor='centriod'|'centroid'": lambda: tile_centroids(
        np.zeros((4, 4), np.uint8), 2, anchor='centriod'
    ),
    "train_dataloader.sampler.anchor='pixle'|'pixel'": lambda: centroids(anchor='pixle'),
    "sampler.sources names 'labelled'|'labeled'": lambda: centroids(sources=['labelled']),
    "ops='hie' of RandomOps|'hue'": lambda: RandomOps(ops=['blur', 'hie']),
    "split='vla' of ShapesDataset|'val'": lambda: ShapesDataset(split='vla', num_images=1),
    "select='bset' of stage 'labels'|'best'": lambda: label_stage(select='bset'),
    "balance='clas' of stage 'labels'|'class'": lambda: label_stage(balance='clas'),
    "backend='htpp' of backend_args|'http'": lambda: with_backend(
        dict(type='UnlabeledDataset'), dict(backend='htpp')
    ),
    "has student, teacher: choose one with --network|'teacher'": lambda: choose_network(
        {'networks.student.x': 0, 'networks.teacher.x': 0}, 'file.pth', 'teacehr'
    ),
    "'fixmach' is none of --methods|'fixmatch'": lambda: options_by_label(
        ['fixmatch', 'st'], ['fixmach:model.weight=2']
    ),
    "there is no 'unimacth'|'unimatch'": lambda: choose(['unimacth']),
}


@pytest.mark.parametrize('expected', REFUSED)
def test_the_nearest_word_is_named(expected):
    what, nearest = expected.split('|')
    with pytest.raises(UserError) as caught:
        REFUSED[expected]()
    assert what in str(caught.value)
    assert f'Did you mean {nearest}?' in str(caught.value)


@pytest.mark.parametrize(
    ('stage', 'options', 'expected'),
    [
        (1, dict(checkpoints_of='techer'), "uses 'techer'.* Did you mean 'teacher'?"),
        (2, dict(images='ranking/relieble.txt'), "Did you mean 'reliable.txt'?"),
        (2, dict(network='studnet'), "network='studnet' of .* Did you mean 'student'?"),
        (3, dict(labels=['reliable_lables']), "Did you mean 'reliable_labels'?"),
        (3, dict(init='teecher'), "Did you mean 'teacher'?"),
        (
            3,
            dict(filters=[dict(type='IgnoreUncertain', thresholds='reliable_lables/t.json')]),
            "Did you mean 'reliable_labels'?",
        ),
    ],
)
def test_the_nearest_stage_is_named(tmp_path, stage, options, expected):
    cfg = toy_stages(tmp_path)
    if 'filters' in options:
        cfg.stages[2].confidence = True
    cfg.stages[stage].update(options)
    with pytest.raises(UserError, match=expected.replace('?', r'\?')):
        run_stages(cfg)


def test_the_best_is_chosen_by_a_metric_that_there_is():
    hook = AtomicCheckpointHook(save_best='miou')
    hook._training = True
    expected = "save_best='miou' is none of 'aAcc', 'mIoU'. Did you mean 'mIoU'?"
    with pytest.raises(UserError, match=re.escape(expected)):
        hook.after_val_epoch(None, {'student/mIoU': 50.0, 'student/aAcc': 70.0})


def test_images_of_two_sizes_in_a_batch_are_a_sentence():
    images = [torch.zeros(3, 8, 8, dtype=torch.uint8), torch.zeros(3, 8, 9, dtype=torch.uint8)]
    data = dict(inputs=dict(weak=images), data_samples=dict(weak=[]))
    with pytest.raises(UserError, match="the view 'weak' differ in shape within a batch"):
        SemiDataPreprocessor()(data, True)
