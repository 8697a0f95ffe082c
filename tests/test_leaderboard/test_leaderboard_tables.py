"""What stands in one table, and what is left out of it, with the reason."""

import itertools

import pytest

from semiseg_mm.leaderboard.results import find_results
from semiseg_mm.leaderboard.tables import make_tables
from semiseg_mm.records import Record
from semiseg_mm.testing.records import toy_record


def tables_of(*facts, files=None):
    records = [Record(one, (files or {}).get(k, 'a.jsonl'), k) for k, one in enumerate(facts)]
    results, faults = find_results(records)
    tables, others = make_tables(results)
    return tables, faults + others


OTHER_PLACES = dict(
    dataset='CamVid', split__name='unimatch voc 92', labels=60, network__name='other',
    network__encoder='ResNetV1c-50', network__weights='imagenet.pth', kind='test',
    network__sha256='b' * 64,
    evaluation__images=100,
)  # fmt: skip


@pytest.mark.parametrize('fact', OTHER_PLACES)
def test_another_question_has_a_table_of_its_own(fact):
    other = {fact: OTHER_PLACES[fact]}
    tables, left_out = tables_of(toy_record(), toy_record('cps', **other))
    assert [len(table.results) for table in tables] == [1, 1] and left_out == []


def test_a_table_holds_all_that_was_measured_alike():
    long = dict(iterations=3000, total_iterations=3000, iteration=3000)
    alike = dict(long, crop=[32, 32], device='gpu', seed=1, per_class={})
    records = toy_record(), toy_record('cps', **alike), toy_record('sup_only')
    (table,), left_out = tables_of(*records)
    assert len(table.results) == 3 and left_out == []


REFUSED = dict(
    split__labeled=('b' * 64, 'list of labeled images'),
    split__masks=('b' * 64, 'masks of the labeled images'),
    split__unlabeled=('b' * 64, 'list of unlabeled images'),
    network__weights_sha256=('b' * 64, 'weights that the encoder began with'),
    evaluation__list=('b' * 64, 'list of evaluated images'),
    evaluation__masks=('b' * 64, 'masks of the evaluated images'),
    evaluation__mode=('slide', 'mode of the evaluation'),
    evaluation__stride=([10, 10], 'stride of the evaluation'),
    evaluation__transforms=([dict(type='Resize')], 'transforms of the evaluation'),
    evaluation__metrics=([dict(ignore_index=0)], 'metrics of the evaluation'),
    per_class=(dict(ball=70.0), 'classes'),
)


@pytest.mark.parametrize('fact', REFUSED)
def test_what_was_measured_otherwise_is_left_out(fact):
    value, name = REFUSED[fact]
    records = [toy_record(seed=seed) for seed in (0, 1)]
    (table,), (one,) = tables_of(toy_record('cps', **{fact: value}), *records)
    assert [result.record.line for result in table.results] == [1, 2]
    (difference,) = one.differences
    assert one.record.line == 0 and difference.fact == name
    assert difference.there != difference.here and difference.advice


def test_values_are_said_in_words():
    other = toy_record('cps', split__labeled='b' * 64, evaluation__mode='slide')
    _, (one,) = tables_of(toy_record(seed=0), toy_record(seed=1), other)
    said = {difference.fact: (difference.there, difference.here) for difference in one.differences}
    assert said['list of labeled images'] == ('b' * 12, toy_record()['split']['labeled'][:12])
    assert said['mode of the evaluation'] == ('slide', 'whole')
    steps = [dict(type='Resize', scale=[192, 144], keep_ratio=True), dict(type='Flip')]
    _, (one,) = tables_of(toy_record(), toy_record('cps', evaluation__transforms=steps))
    words = 'Resize(keep_ratio true, scale 192×144), Flip()'
    assert one.differences[0][1:3] == (words, 'none')


def test_a_run_counts_once_however_many_networks_it_has():
    two = [toy_record('cps', evaluated=f'net_{k}', split__labeled='b' * 64) for k in (0, 1, 2)]
    (table,), left_out = tables_of(*two, toy_record(seed=0), toy_record(seed=1))
    assert [r.facts['method'] for r in table.results] == ['fixmatch'] * 2 and len(left_out) == 3


def test_of_as_many_runs_the_first_one_read_stays():
    other = toy_record('cps', split__labeled='b' * 64)
    for first, second in ((toy_record(), other), (other, toy_record())):
        (table,), _ = tables_of(first, second)
        assert table.results[0].facts['method'] == first['method']


def test_sup_only_reads_no_unlabeled_images_but_its_labels_must_agree():
    runs = [toy_record(seed=seed) for seed in (0, 1)]
    assert tables_of(*runs, toy_record('sup_only'))[1] == []
    _, left_out = tables_of(*runs, toy_record('sup_only', split__labeled='b' * 64))
    assert len(left_out) == 1
    _, left_out = tables_of(*runs, toy_record('cps', split__unlabeled=None))  # reads unknown ones
    assert [one.differences[0].there for one in left_out] == ['none']


def test_a_checkpoint_that_validation_chose_is_no_result():
    best = toy_record(kind='test', chosen='best', checkpoint='best_student_mIoU.pth')
    tables, (one,) = tables_of(best)
    assert tables == [] and 'best_student_mIoU.pth' in one.differences[0].there


@pytest.mark.parametrize('scores', [dict(aAcc=90.0), dict(mIoU=float('nan'))])
def test_a_record_without_a_score_is_left_out(scores):
    tables, (one,) = tables_of(toy_record(scores=scores))
    assert tables == [] and one.differences[0].fact == 'mIoU'


NO_RESULT = {
    'last iteration': dict(iteration=400),
    'settings': dict(changed=['labels']),
    'mIoU': dict(per_class=dict(ball=60.0, star=79.9)),
    'masks of the labeled images': dict(split__masks='f' * 64, evaluation__masks='f' * 64),
    'labeled images': dict(evaluation__labeled=1),
}


@pytest.mark.parametrize('fact', NO_RESULT)
def test_what_cannot_be_a_result_is_left_out_even_alone(fact):
    tables, (one,) = tables_of(toy_record(**NO_RESULT[fact]))
    (difference,) = one.differences
    assert tables == [] and difference.fact == fact and difference.advice
    assert tables_of(toy_record(per_class=dict(ball=60.0, star=80.01)))[1] == []  # but for rounding


def test_a_run_is_left_out_once_and_whole():
    way = [toy_record(iteration=k, chosen='passing', changed=['crop']) for k in (1, 2)]
    tables, (one,) = tables_of(*way, toy_record(changed=['crop']))
    assert tables == [] and one.record.line == 2


def test_stages_and_checkpoints_on_the_way_are_no_results():
    passing = toy_record(kind='test', chosen='passing', checkpoint='iter_500.pth')
    assert tables_of(toy_record(stage='01_teacher'), passing) == ([], [])


def test_best_is_that_of_all_validations_of_the_run():
    way = [toy_record(score=s, iteration=k, chosen='passing') for k, s in ((1, 60.0), (2, 75.0))]
    other = toy_record(seed=1, score=90.0, iteration=1, chosen='passing')
    (table,), _ = tables_of(*way, toy_record(score=70.0), other)
    ended, running = table.results
    assert (ended.score, ended.best, ended.finished) == (70.0, 75.0, True)
    assert (running.score, running.finished) == (90.0, False)
    (table,), _ = tables_of(toy_record(kind='test'))
    assert table.results[0].best is None


def test_the_same_run_in_two_files():
    """A copy is the same run; another score is another training, and one of the two must go."""
    files = {0: 'a.jsonl', 1: 'b.jsonl'}
    (table,), left_out = tables_of(toy_record(), toy_record(), files=files)
    assert len(table.results) == 1 and left_out == []
    (table,), (one,) = tables_of(toy_record(), toy_record(score=71.0), files=files)
    assert [result.score for result in table.results] == [70.0]
    assert (one.record.file, one.instead.file) == ('b.jsonl', 'a.jsonl')


def test_a_copy_of_the_beginning_takes_nothing_away():
    """A work dir may have been copied while it was trained, or its end alone."""
    way = [toy_record(score=s, iteration=k, chosen='passing') for k, s in ((1, 60.0), (2, 75.0))]
    whole = [*way, toy_record(score=70.0)]
    for copy, first in itertools.product((whole[0], whole[-1]), (True, False)):
        order = [copy, *whole] if first else [*whole, copy]
        (table,), left_out = tables_of(*order, files={0 if first else 3: 'copy.jsonl'})
        (result,) = table.results
        assert (result.score, result.best, result.finished) == (70.0, 75.0, True)
        assert left_out == []


def test_two_checkpoints_of_one_training_are_no_copies():
    tests = [toy_record(kind='test', checkpoint=f'{s}.pth', score=s) for s in (70.0, 75.0)]
    (table,), (one,) = tables_of(*tests)
    assert [result.score for result in table.results] == [70.0] and one.record.line == 1


def test_the_latest_of_a_file_counts():
    (table,), left_out = tables_of(toy_record(score=60.0), toy_record(score=61.0))
    assert [result.score for result in table.results] == [61.0] and left_out == []


def test_plain_models_are_told_apart_by_their_checkpoints():
    plain = dict(kind='test', config_sha256=None, seed=None, batch={}, split={}, network={})
    files = [toy_record('net', checkpoint=f'{k}.pth', **plain) for k in 'ab']
    (table,), left_out = tables_of(*files)
    assert len(table.results) == 2 and left_out == [] and table.place.split == 'own list'
