"""Says what the stages of a run came to: trainings, rankings, labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from semiseg_mm.engine.stages.label import FIGURE as QUALITY_FIGURE
from semiseg_mm.engine.stages.label import QUALITY
from semiseg_mm.engine.stages.rank import FIGURE as RANKING_FIGURE
from semiseg_mm.engine.stages.rank import RANKING
from semiseg_mm.page.charts import number
from semiseg_mm.utils import read_record

from .blocks import Bar, Charts, Figure, Heading, Note, Table
from .curves import METRIC, charts_of
from .images import address_of_file
from .run import Run
from .sections import Blocks, last_picture, score_table

SHARES = ('share', 'share_in_truth', 'IoU', 'precision', 'recall', 'mean_confidence', 'kept')
ENDS = 5  # images of a ranking that are named, best and worst


def overview(run: Run) -> Blocks:
    """Yield a table of the stages."""
    rows = []
    for stage in run.stages:
        result = stage.manifest.get('result') or {}
        words = ', '.join(f'{key} {_short(value)}' for key, value in result.items())
        status = stage.manifest.get('status', 'not begun')
        scored = ', '.join(_scored(stage))
        rows.append([stage.folder.name, status, stage.manifest.get('seconds'), words, scored])
    yield Table(['stage', 'state', 'seconds', 'result', f'{METRIC}, last'], rows)


def one_stage(stage: Run) -> Blocks:
    """Yield what a stage left."""
    if (stage.folder / RANKING).is_file():
        yield from _ranking(stage)
    elif (stage.folder / QUALITY).is_file():
        yield from _labels(stage)
    elif stage.trainings():
        yield from score_table(stage)
        yield Charts(charts_of(stage))
        yield from last_picture(stage)
    else:
        yield Note('This stage has not left anything that can be shown.')


def _short(value: object) -> object:
    return number(value) if isinstance(value, float) else value


def _scored(stage: Run) -> Iterator[str]:
    for name, metrics in stage.networks.items():
        if METRIC in metrics:
            yield f'{name} {metrics[METRIC]["last"]:.2f}'


def _ranking(stage: Run) -> Blocks:
    if (stage.folder / RANKING_FIGURE).is_file():
        yield Figure(address_of_file(stage.folder / RANKING_FIGURE), 'How the checkpoints agree')
    with open(stage.folder / RANKING, encoding='utf-8', newline='') as file:
        head, *rows = list(csv.reader(file))
    shown = [[name, *(f'{float(value):.4f}' for value in values)] for name, *values in rows]
    for title, part in (('Most alike', shown[:ENDS]), ('Least alike', shown[-ENDS:][::-1])):
        yield Heading(title)
        yield Table(head, part)


def _labels(stage: Run) -> Blocks:
    quality = read_record(str(stage.folder / QUALITY), 'the quality of these labels is not known')
    whole = {key: value for key, value in quality.items() if not isinstance(value, dict)}
    kept = {f'kept, {key}': value for key, value in (quality.get('kept') or {}).items()}
    yield Table(
        ['of all labels', ''],
        [[key.replace('_', ' '), _short(value)] for key, value in (whole | kept).items()],
    )
    classes = quality['classes']
    known = [key for key in SHARES if any(key in row for row in classes.values())]
    rows = [[name, *(_bar(row.get(key)) for key in known)] for name, row in classes.items()]
    yield Table(['class', *(key.replace('_', ' ') for key in known)], rows)
    if 'IoU' not in known:
        yield Note('Whether the labels are right is not known: the stage has no truth.', 'soft')
    if (stage.folder / QUALITY_FIGURE).is_file():
        yield Figure(address_of_file(stage.folder / QUALITY_FIGURE), f'{QUALITY_FIGURE}')


def _bar(share: float | None) -> Bar | None:
    return None if share is None else Bar(share, f'{100 * share:.1f} %')
