"""Says in sections what a training was, what it came to, and how it went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.hooks.picture_hook import FOLDER as PICTURES
from semiseg_mm.engine.hooks.result_hook import EARLY
from semiseg_mm.errors import UserError
from semiseg_mm.utils import counted

from .blocks import Bar, Charts, Figure, Note, Number, Section, Table, Text
from .curves import charts_of
from .images import address_of_file
from .run import Run

WARNINGS = 'docs/en/warnings.md, “What a training warns of, and what to do”'
BEGINS_ANEW = 'It saved no checkpoint, so the same command begins anew.'
Blocks = Iterator[object]


def section(title: str, make: Callable[..., Blocks], *args) -> Section:
    """Build a section; where a file is not as it should be, the page says so and goes on."""
    blocks: list[object] = []
    try:
        blocks.extend(make(*args))
    except (UserError, FileNotFoundError) as error:
        blocks.append(Note(str(error), 'note warning'))
    except Exception as error:  # whatever a damaged file leads to: the other sections count
        text = f'This part could not be made: {type(error).__name__}: {error}'
        blocks.append(Note(text, 'note warning'))
    return Section(title, blocks)


def state(run: Run) -> Note:
    """Return how far a run has come."""
    if run.stages:
        done = sum(stage.manifest.get('status') == 'done' for stage in run.stages)
        if run.results.get('stages') and done == len(run.stages):
            return Note(f'All {done} stages are done.', 'note')
        now = next((one for one in run.stages if one.manifest.get('status') != 'done'), None)
        where = f' It is in the stage {now.folder.name}.' if now and run.running else ''
        word = 'is still going' if run.running else 'has not come to its end'
        return Note(f'This run {word}: {counted(done, "stage")} done.{where}', 'note warning')
    if run.iter == 0:
        return Note(_before_the_first(run), 'note warning')
    far = f'iteration {run.iter}' + f' of {run.max_iters}' * (run.max_iters is not None)
    if run.results.get(EARLY):
        return Note(f'The training was ended early, at {far}.', 'note')
    if run.ended:
        return Note(f'The training came to its end: {far}.', 'note')
    if run.running:
        return Note(f'The training is still going: {far} so far.', 'note warning')
    advice = 'The same command with --resume goes on from its last checkpoint.'
    if not checkpoints(str(run.folder)):
        advice = BEGINS_ANEW
    return Note(f'The training stopped at {far}. {advice}', 'note warning')


def _before_the_first(run: Run) -> str:
    if run.running:
        return 'The training has begun; it has neither logged nor saved an iteration yet.'
    return f'The training stopped before it logged or saved an iteration. {BEGINS_ANEW}'


def scores(run: Run) -> Blocks:
    """Yield the last score of each network and metric, and the best one apart."""
    yield from score_table(run)
    if run.networks:
        words = 'There was one validation, so there is no best of several.'
        if not run.validated_once:
            words = (
                'The best one was chosen by the validation images, so it is no measure on images '
                'that the choice has not seen.'
            )
        yield Note(f'The last value is the result. {words}', 'soft')


def score_table(run: Run) -> Blocks:
    """Yield the scores alone, without what they mean."""
    networks = run.networks
    if not networks:
        yield Note('There are no scores: no file says that the training was validated.')
        return
    once = run.validated_once
    rows = [
        [network, metric, two(one['last'])]
        + ([None, None] if once else [two(one['best']), one['best_iter']])
        for network, metrics in networks.items()
        for metric, one in metrics.items()
    ]
    last = {one['last_iter'] for metrics in networks.values() for one in metrics.values()}
    words = f'Last: of iteration {", ".join(map(str, sorted(last)))}'
    yield Table(['network', 'metric', 'last', 'best', 'of'], rows, words)


def curves(run: Run) -> Blocks:
    """Yield a chart for each kind of number, over the iterations of all calls."""
    charts = charts_of(run)
    if charts:
        yield Charts(charts)
    else:
        yield Note('There are no curves: no scalars.json holds a number.')


def classes(run: Run) -> Blocks:
    """Yield the last IoU of each class as bars."""
    found = run.results.get('per_class') or {}
    if not any(found.values()):
        yield Note('There are no scores of classes: results.json has none.')
        return
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    rows = [[name, *(_bar(values.get(name)) for values in found.values())] for name in names]
    yield Table(['class', *(f'{network}, IoU' for network in found)], rows)
    yield Note(
        'Percent, of the last validation. A dash: the class is in no mask and was not predicted.',
        'soft',
    )


def pictures(run: Run) -> Blocks:
    """Yield the first and the last sheet of what the training saw."""
    sheets = sorted((run.folder / PICTURES).glob('*.png'))
    if not sheets:
        yield Note('There are no pictures of this training (PictureHook draws them).')
        return
    yield Note(
        'Each row is one image: its views, the label that the network or its teacher makes of it, '
        'how sure it is, and which pixels count in the loss.',
        'soft',
    )
    if len(sheets) > 1:
        yield Figure(address_of_file(sheets[0]), f'{PICTURES}/{sheets[0].name}')
    yield from last_picture(run)


def last_picture(run: Run) -> Blocks:
    """Yield the last sheet of what the training saw, if there is one."""
    for sheet in sorted((run.folder / PICTURES).glob('*.png'))[-1:]:
        yield Figure(address_of_file(sheet), f'{PICTURES}/{sheet.name}')


def warnings(run: Run) -> Blocks:
    """Yield each warning of the logs once."""
    found: Counter[str] = Counter()
    for one in [run, *run.stages]:
        found.update(one.log.warnings)
    if not found:
        yield Note('The logs hold no warning.' if run.trainings() else 'There is no log.')
        return
    yield Table(['times', 'warning'], [[count, text] for text, count in found.items()])
    yield Note(f'What the warnings of a training mean: {WARNINGS}.', 'soft')


def environment(run: Run) -> Blocks:
    """Yield the environment of the newest log, and all settings."""
    known = [one for one in [run, *run.stages] if one.log.environment]
    if known:
        yield Text('The environment, from the log', known[-1].log.environment)
    else:
        yield Note('No log says in which environment this ran.')
    config = (run.trainings() or [run])[-1].config
    if config is None:
        yield Note('The folder holds no config.')
        return
    text = config.read_text(encoding='utf-8', errors='replace')
    yield Text(f'All settings ({config.name})', text)


def problems(run: Run) -> Blocks:
    """Yield what of the files cannot be read."""
    for one in [run, *run.stages]:
        for text in one.problems:
            yield Note(text, 'note warning')


def two(value: float) -> Number:
    """Return a number with two decimals."""
    return Number(f'{value:.2f}')


def _bar(percent: float | None) -> Bar | None:
    return None if percent is None else Bar(percent / 100, f'{percent:.2f}')
