"""Which weights a stage takes from another one: to start from, and the best ones."""

import pytest
import torch

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing.stages import contents, redone, run_stages, said, toy_stages

MEAN_TEACHER = dict(
    cfg=dict(
        model=dict(type='MeanTeacher'),
        custom_hooks=[dict(type='MeanTeacherHook', decay=0.9, warmup=False)],
        train_dataloader=dict(dataset=dict(views=dict(_delete_=True, weak=[]))),
    )
)


def state(path):
    return safe_load(path)['state_dict']


# ------------------------------------------------------------------ init


def test_other_networks_start_from_the_one_that_predicts(tmp_path):
    """CPS has net_0 and net_1, Mean Teacher student and teacher: no name fits."""
    cfg = toy_stages(tmp_path, 'st', max_iters=2)
    teacher, still = cfg.stages[0], dict(optimizer=dict(lr=0.0))
    teacher.update(MEAN_TEACHER, sup_only=False)
    teacher.cfg.model.predict_on = 'teacher'
    views = dict(dataset=dict(views=dict(_delete_=True, weak=[])))
    own = dict(model=dict(type='CPSSegmentor'), optim_wrapper=still, train_dataloader=views)
    cfg.stages = [teacher, dict(type='TrainStage', name='cps', init='teacher', cfg=own)]
    run_stages(cfg)
    source, found = state(tmp_path / '01_teacher/iter_2.pth'), state(tmp_path / '02_cps/iter_2.pth')
    name = 'decode_head.convs.0.conv.weight'
    expected = source[f'networks.teacher.{name}']
    assert not torch.equal(expected, source[f'networks.student.{name}'])
    assert all(torch.equal(found[f'networks.net_{k}.{name}'], expected) for k in (0, 1))


# ------------------------------------------------------------------ seed


def test_the_seed_of_a_stage_is_added_to_the_runs(tmp_path):
    """So that trainings of the same settings start from other weights, and are known as others."""
    cfg = toy_stages(tmp_path, 'st')
    cfg.stages = [
        dict(type='TrainStage', name=name, sup_only=True, seed=seed)
        for name, seed in dict(one=0, same=0, other=1).items()
    ]
    one, same, other = build_runner(cfg).stages.values()
    assert [stage.cfg.randomness.seed for stage in (one, same, other)] == [3, 3, 4]
    assert one.key() == same.key() != other.key()


# ------------------------------------------------------------------ best


def best(work_dir, **options):
    cfg = toy_stages(work_dir, 'st', max_iters=2)
    cfg.stages = cfg.stages[:2]
    cfg.stages[1].update(select='best', **options)
    return cfg


def test_best_is_of_the_network_that_is_asked_for(tmp_path):
    cfg = best(tmp_path, network='teacher')
    cfg.stages[0].update(MEAN_TEACHER, sup_only=False)
    for network in ('student', 'teacher'):
        path = tmp_path / f'01_teacher/best_{network}_mIoU.pth'
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (path,) = build_runner(cfg).stages['labels'].checkpoints()
    assert path == str(tmp_path / '01_teacher/best_teacher_mIoU.pth')


def test_a_lost_best_checkpoint_is_trained_again(tmp_path):
    run_stages(best(tmp_path))
    lost = tmp_path / '01_teacher/best_student_mIoU.pth'
    before, first = contents(tmp_path / '02_labels'), weights_hash(str(lost))
    lost.unlink()
    lines = run_stages(best(tmp_path))
    assert 'best_student_mIoU.pth is gone: is mended' in said(lines, '01_teacher')
    assert redone(lines) == ['01_teacher'] and weights_hash(str(lost)) == first
    assert contents(tmp_path / '02_labels') == before
    assert (tmp_path / '01_teacher/iter_2.pth.old').exists()  # from its beginning


def test_a_best_checkpoint_that_never_was_is_a_sentence_with_a_way_out(tmp_path):
    cfg = best(tmp_path)
    cfg.stages = cfg.stages[:1]
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    run_stages(cfg)
    with pytest.raises(UserError, match=r'a validation .*: set both, move .*/01_teacher away'):
        run_stages(best(tmp_path))
    assert not list(tmp_path.glob('01_teacher/*.old'))
