"""A staged run says at its start what its stages will do, and how long they take once it knows."""

import re

from semiseg_mm.engine.runner import build_runner
from semiseg_mm.engine.stages.plan import Task, plan_of_stages, time_left
from semiseg_mm.testing.stages import toy_stages


class Fake:
    def __init__(self, name, amount, unit, seconds=None, begun=False):
        self.name, self.seconds, self.begun = name, seconds, begun
        self._task = Task('does it', amount, unit)

    def task(self):
        return self._task

    def seconds_taken(self):
        return self.seconds

    def is_begun(self):
        return self.begun


def test_the_plan_names_stages_and_how_much_they_do(tmp_path):
    lines = plan_of_stages(list(build_runner(toy_stages(tmp_path)).stages.values())).splitlines()
    assert lines[0] == '6 stages:' and len(lines) == 8
    for line, words in zip(
        lines[1:],
        (
            'teacher trains SupOnly, 6 iterations',
            'ranking ranks images by checkpoints of teacher, 11 images',
            'reliable_labels labels images with teacher (ranking/reliable.txt), the number of',
            'first_student trains STPlusPlusSegmentor on the labels of reliable_labels, 6',
            'other_labels labels images with first_student (ranking/rest.txt), the number of',
            'student trains STPlusPlusSegmentor on the labels of reliable_labels and other_labels',
            'How long it takes can be said once',
        ),
        strict=True,
    ):
        assert re.sub(r'^\d+ ', '', ' '.join(line.split())).startswith(words)


def test_the_time_that_is_left_follows_from_stages_of_a_kind():
    """100 iterations took 50 s, so 300 take 150 s; of images nothing is known."""
    done = Fake('a', 100, 'iterations', seconds=50)
    left, images = Fake('b', 300, 'iterations', begun=True), Fake('c', 10, 'images')
    assert time_left([done, left]) == ['Time left: about 0:02:30.']
    assert time_left([done, left, images])[0].endswith('and c, of which nothing is known yet.')
    assert time_left([done]) == []
    assert 'can be said once' in time_left([left, images])[0]
    assert time_left([done, Fake('d', None, 'iterations')])[0].startswith('How long')
    plan = plan_of_stages([done, left])
    assert 'a  does it, 100 iterations (done before, in 0:00:50)' in plan
    assert 'b  does it, 300 iterations (begun before)' in plan
