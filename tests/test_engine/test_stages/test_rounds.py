import pytest
import torch

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.stages import expand_rounds
from semiseg_mm.errors import UserError
from semiseg_mm.testing.stages import run_stages, toy_stages

TEACHER = dict(type='TrainStage', name='teacher', sup_only=True)
LABELS = dict(type='LabelStage', name='labels', teacher='teacher', repeat=True)
STUDENT = dict(type='TrainStage', name='student', labels=['labels'], repeat=True)


def by_name(*args, **kwargs):
    return {stage['name']: stage for stage in expand_rounds(*args, **kwargs)}


def test_one_round_is_the_list_without_the_marks():
    stages = [TEACHER, LABELS, STUDENT]
    expanded = expand_rounds(stages)
    assert [stage['name'] for stage in expanded] == ['teacher', 'labels', 'student']
    assert not any('repeat' in stage for stage in expanded)
    assert LABELS['repeat'] and expanded[1] is not LABELS  # the config stays as it was


def test_the_newest_student_is_the_teacher():
    stages = by_name([TEACHER, LABELS, STUDENT], rounds=3)
    names = ['teacher', 'labels', 'student', 'labels_2', 'student_2', 'labels_3', 'student_3']
    assert list(stages) == names
    assert [stages[f'labels{n}']['teacher'] for n in ('', '_2', '_3')] == [
        'teacher', 'student', 'student_2',
    ]  # fmt: skip
    assert stages['student_3']['labels'] == ['labels_3']


def test_names_of_files_and_of_stages_that_are_repeated_too():
    stages = by_name(
        [
            dict(TEACHER, milestones=(0.5,)),
            dict(type='RankStage', name='ranking', checkpoints_of='teacher', repeat=True),
            dict(LABELS, images='ranking/reliable.txt'),
            dict(STUDENT, name='first'),
            dict(LABELS, name='more', teacher='first', images='ranking/rest.txt'),
            dict(
                STUDENT,
                labels=['labels', 'more', 'labels/by_hand'],
                init='teacher',
                filters=[dict(type='IgnoreUncertain', thresholds='labels/thresholds.json')],
            ),
        ],
        rounds=2,
    )
    assert stages['ranking_2']['checkpoints_of'] == 'student'
    assert stages['labels_2']['images'] == 'ranking_2/reliable.txt'
    assert stages['labels_2']['teacher'] == 'student'
    assert stages['more_2']['teacher'] == 'first_2'
    student = stages['student_2']
    assert student['labels'] == ['labels_2', 'more_2', 'labels/by_hand']  # a folder stays
    assert student['init'] == 'teacher'
    assert student['filters'][0]['thresholds'] == 'labels_2/thresholds.json'
    assert stages['student']['filters'][0]['thresholds'] == 'labels/thresholds.json'


@pytest.mark.parametrize(
    'stages, rounds',
    [
        ([TEACHER], 2),
        ([TEACHER, LABELS, STUDENT], 0),
        ([TEACHER, LABELS, dict(STUDENT, repeat=False)], 2),
        ([TEACHER, LABELS], 2),
    ],
)
def test_rounds_that_make_no_sense(stages, rounds):
    with pytest.raises(UserError, match='needs stages with repeat=True at the end'):
        expand_rounds(stages, rounds)


def test_a_stage_that_names_itself_starts_from_its_own_former_round():
    block = [LABELS, dict(STUDENT, name='b', init='b'), dict(STUDENT, name='c', init='b')]
    stages = by_name([TEACHER, *block], rounds=3)
    assert 'init' not in stages['b']  # there is no round before
    assert [stages[name]['init'] for name in ('b_2', 'b_3')] == ['b', 'b_2']
    assert [stages[name]['init'] for name in ('c', 'c_2', 'c_3')] == ['b', 'b_2', 'b_3']
    assert 'init' not in by_name([TEACHER, *block])['b'] and block[1]['init'] == 'b'
    (alone,) = expand_rounds([dict(STUDENT, repeat=False, init='student')])
    assert alone['init'] == 'student'  # which the runner refuses: there is no such stage before it


def test_the_second_round_has_the_weights_of_the_first(tmp_path):
    cfg = toy_stages(tmp_path, 'self_training', max_iters=2)
    cfg.stages[-1].init = 'student'
    cfg.stages = expand_rounds(cfg.stages, 2)
    still = dict(optim_wrapper=dict(optimizer=dict(lr=0.0)))
    cfg.stages[-1].cfg = still  # so that it ends with what it has started from
    run_stages(cfg)
    first, second = (
        safe_load(tmp_path / f'{folder}/iter_2.pth')['state_dict']
        for folder in ('03_student', '05_student_2')
    )
    names = [name for name in first if name.endswith('conv.weight')]
    assert names and all(torch.equal(first[name], second[name]) for name in names)


def test_two_rounds_to_the_end(tmp_path):
    cfg = toy_stages(tmp_path, 'self_training', max_iters=2)
    cfg.rounds = 2
    lines = run_stages(cfg)
    names = ['01_teacher', '02_labels', '03_student', '04_labels_2', '05_student_2']
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == names
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / '05_student_2/iter_2.pth')
    assert any('04_labels_2 done: images 11, broken 0, mean_confidence' in line for line in lines)
    labels = [sorted((tmp_path / name).rglob('labels/**/*.png')) for name in (names[1], names[3])]
    pairs = zip(*labels, strict=True)
    assert any(one.read_bytes() != other.read_bytes() for one, other in pairs)
