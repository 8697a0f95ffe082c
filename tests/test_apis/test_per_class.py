from collections import Counter

import cv2
import numpy as np
import pytest

from semiseg_mm.apis.data.make_splits import make_splits, run_make_splits
from semiseg_mm.datasets.split_drawing import draw_per_class, make_groups

HOLDERS = {0: 'abcdefghijkl', 1: 'abcd', 2: 'ae', 4: 'f'}  # no image has class 3
CLASSES = {one: {label for label, ids in HOLDERS.items() if one in ids} for one in HOLDERS[0]}


@pytest.fixture
def folder(tmp_path):
    """HOLDERS as images x/a, …, with one pixel of class 4; x/z has no mask."""
    for kind in ('images/x', 'masks/x'):
        (tmp_path / kind).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / 'images/x/z.png'), np.zeros((4, 4, 3), np.uint8))
    for one, labels in CLASSES.items():
        mask = np.full((4, 4), 255, np.uint8)
        for label in labels:
            mask.flat[4 * min(label, 3) : 4 * min(label, 3) + (1 if label == 4 else 4)] = label
        cv2.imwrite(str(tmp_path / f'masks/x/{one}.png'), mask)
        cv2.imwrite(str(tmp_path / f'images/x/{one}.png'), np.zeros((4, 4, 3), np.uint8))
    return tmp_path


def draw(folder, out, per_class=(3,), **options):
    images, masks = str(folder / 'images'), str(folder / 'masks')
    splits = make_splits(
        images, None, str(folder / out), masks=masks, per_class=list(per_class), **options
    )
    return {name: ''.join(one[2:] for one in labeled) for name, (labeled, _) in splits.items()}


def test_rare_classes_are_taken_whole_and_count_for_the_others(folder):
    """By hand: 4 takes f, 2 takes a and e; 1 has a and draws two of b, c, d; 0 has five then."""
    drawn = {draw(folder, f'out{seed}', seed=seed)['3_per_class'] for seed in range(20)}
    assert drawn == {'abcef', 'abdef', 'acdef'}
    assert draw(folder, 'again', seed=7) == draw(folder, 'out7', seed=7)  # nor is it overwritten
    for one in range(1, 4):  # what else is asked for does not count
        both = draw(folder, f'both{one}', per_class=(one, 3), seed=7)
        assert both['3_per_class'] == draw(folder, 'out7', seed=7)['3_per_class']


def test_command_writes_lists_and_names_short_and_absent_classes(folder, capsys):
    out = folder / 'out'
    command = [str(folder / 'images'), '--masks', str(folder / 'masks'), '--out', str(out)]
    assert run_make_splits([*command, '--per-class', '3']) == 0
    labeled, unlabeled = (
        (out / f'3_per_class/{role}.txt').read_text().split() for role in ('labeled', 'unlabeled')
    )
    assert len(labeled) == 5 and {'x/a', 'x/e', 'x/f'} < set(labeled)
    assert sorted(labeled + unlabeled) == [f'x/{one}' for one in 'abcdefghijklz']
    said = capsys.readouterr().out
    assert '1 of 13 images have no mask' in said and ': 5 labeled (sha256 ' in said
    assert (
        '; 2 classes in at least 3 images; classes in fewer images, all of them labeled: ' in said
    )
    assert said.endswith(': 2 (in 2), 4 (in 1); classes in no image: 3\n')
    # one pixel of class 4 is not enough now, so only class 0 could draw f, and it has enough
    assert run_make_splits([*command, '--per-class', '2', '--min-pixels', '2']) == 0
    labeled = (out / '2_per_class/labeled.txt').read_text().split()
    assert len(labeled) == 3 and {'x/a', 'x/e'} < set(labeled) and 'x/f' not in labeled
    said = capsys.readouterr().out
    assert said.endswith('; 3 classes in at least 2 images; classes in no image: 3, 4\n')


def test_nested_folds_and_formats(folder):
    for seed in range(5):
        drawn = draw(folder, f'n{seed}', (3, 1, 2), folds=2, nested=True, seed=seed)
        for fold in range(2):
            one, two, three = (set(drawn[f'{n}_per_class/split_{fold}']) for n in (1, 2, 3))
            assert one <= two <= three
    free = [draw(folder, f'f{seed}', (2, 3), seed=seed) for seed in range(8)]
    assert not all(set(both['2_per_class']) <= set(both['3_per_class']) for both in free)
    (folder / 'images/x/z.png').unlink()
    labeled = draw(folder, 'cps', format='cps')['3_per_class']
    lines = (folder / 'cps/train_aug_labeled_3-per-class.txt').read_text().splitlines()
    assert lines == [f'/images/x/{one}.png\t/masks/x/{one}.png' for one in labeled]


def test_a_group_counts_for_all_its_images():
    """Class 1 is in the groups p (three images) and q (one), 2 in r alone."""
    classes = {'p0': {1}, 'p1': {1}, 'p2': {1}, 'q0': {1}, 'q1': set(), 'r0': {2}, 'r1': set()}
    groups = make_groups(list(classes), '^.')
    drawn = [draw_per_class(groups, [seed], classes, 2) for seed in range(20)]
    first = {'r0', 'r1', 'p0', 'p1', 'p2'}  # p is enough; q is not, so p follows
    assert sorted({len(one) for one in drawn}) == [5, 7]
    assert all(one in (first, {*classes}) for one in drawn)
    assert draw_per_class(groups, [0], classes, 1, start={'q0', 'q1'}) == {'q0', 'q1', 'r0', 'r1'}


def test_each_class_draws_evenly():
    """2 takes a and e; 1 has a and draws one of b, c, d; 0, with a to e, draws two others."""
    groups, times = make_groups(list(CLASSES), None), Counter()
    classes = {one: labels - {4} for one, labels in CLASSES.items()}
    for seed in range(400):
        three = draw_per_class(groups, [seed], {k: v & {1, 2} for k, v in classes.items()}, 2)
        start = three | {'b', 'c', 'd'}
        five = draw_per_class(groups, [seed], classes, 7, start)
        assert len(three) == 3 and len(five) == 7 and start < five
        times.update(three)
        times.update(five - start)
    assert times['a'] == times['e'] == 400
    assert all(abs(times[one] - 400 / 3) < 35 for one in 'bcd')  # deviation 9.4
    assert all(abs(times[one] - 800 / 7) < 35 for one in 'fghijkl')  # deviation 9.0


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ('--per-class 3', '--per-class goes by the classes in masks: give their folder'),
        ('--per-class 3 --labeled 1/8 --masks masks', 'Give one of --labeled (sizes) and --per-cl'),
        ('--masks masks', 'Give one of --labeled (sizes) and --per-class'),
        ('--labeled 3 --min-pixels 9', '--min-pixels counts pixels in masks: give their folder'),
        ('--per-class 0 --masks masks', '--per-class and --min-pixels must be at least 1'),
        (
            '--per-class 3 --min-pixels 17 --masks masks',
            'No mask in masks has 17 pixels',
        ),
        ('--per-class 3 --masks masks --group ^x', 'empty: choose a smaller --per-class'),
    ],
)
def test_mistakes_are_one_sentence(folder, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(folder)
    (folder / 'images/x/z.png').unlink()
    assert run_make_splits(['images', '--out', 'out', *arguments.split()]) == 1
    assert said in capsys.readouterr().err and not (folder / 'out').exists()
