import copy
from collections.abc import Sequence

from semiseg_mm.errors import UserError

TEACHERS = ('teacher', 'checkpoints_of')  # options that name a training stage to predict with
NAMES = (*TEACHERS, 'labels', 'images', 'init')


def expand_rounds(stages: Sequence[dict], rounds: int = 1) -> list[dict]:
    """Repeat the stages marked ``repeat=True``; each round's teacher is the newest student.

    The copies of round 2 are called ``<name>_2`` and use each other. Where a copy would predict
    with a stage that is not repeated, it does so with the last training stage of the round before.
    A stage whose ``init`` is its own name starts from itself of the round before: ``b_3`` from
    ``b_2``, ``b_2`` from ``b``, and ``b`` as if it had no ``init``.
    """
    stages = [dict(copy.deepcopy(stage)) for stage in stages]
    marked = [bool(stage.pop('repeat', False)) for stage in stages]
    block = [stage for stage, is_marked in zip(stages, marked, strict=True) if is_marked]
    own = {stage['name'] for stage in block if stage.get('init') == stage['name']}
    for stage in block:
        if stage['name'] in own:
            del stage['init']
    if rounds == 1:
        return stages
    trained = [stage['name'] for stage in block if stage['type'] == 'TrainStage']
    if rounds < 1 or not trained or marked != sorted(marked):
        raise UserError(
            f'rounds={rounds} needs stages with repeat=True at the end of the list, a TrainStage '
            'among them, and at least one round.'
        )
    names = {stage['name'] for stage in block}
    for number in range(2, rounds + 1):
        before = _of_round(trained[-1], number - 1)
        for stage in block:
            copied = _renamed(stage, names, f'_{number}', before)
            if stage['name'] in own:
                copied['init'] = _of_round(stage['name'], number - 1)
            stages.append(copied)
    return stages


def _of_round(name: str, number: int) -> str:
    return name if number == 1 else f'{name}_{number}'


def _renamed(stage: dict, names: set[str], suffix: str, newest: str) -> dict:
    copied = copy.deepcopy(stage)
    copied['name'] += suffix
    for step in copied.get('filters', ()):
        if step.get('thresholds'):
            step['thresholds'] = _rename(step['thresholds'], names, suffix, True)
    for option in NAMES:
        value = copied.get(option)
        if isinstance(value, (list, tuple)):
            copied[option] = [_rename(one, names, suffix) for one in value]
        elif value:
            copied[option] = _rename(value, names, suffix, option == 'images')
            if option in TEACHERS and copied[option] == value:
                copied[option] = newest
    return copied


def _rename(value: str, names: set[str], suffix: str, is_file: bool = False) -> str:
    stage, *file = value.split('/', 1) if is_file else [value]  # 'ranking/reliable.txt'
    return '/'.join([stage + suffix, *file]) if stage in names else value
