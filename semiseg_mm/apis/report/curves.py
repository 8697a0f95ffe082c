"""Sorts what a training logged into charts."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from semiseg_mm.engine.checkpoint import checkpoints, from_plain, safe_load
from semiseg_mm.engine.pictures.curves import kind_of, numbers_of
from semiseg_mm.errors import UserError
from semiseg_mm.page.charts import line_chart

from .run import Run

TITLES = dict(loss='Losses', share='Shares', lr='Learning rate')
METRIC = 'mIoU'
Curve = tuple[list[float], list[float]]


def charts_of(run: Run) -> list[Markup]:
    """Return the charts of a training: scores, losses, shares, rates, and its own numbers."""
    end = run.max_iters or 0
    found = scores(run.history).items()
    charts = [line_chart(metric, lines, end) for metric, lines in found if _is_curve(lines)]
    panels: dict[str, dict[str, Curve]] = {}
    for name, (at, values) in numbers(run).items():
        kind = kind_of(name, np.asarray(values, dtype=float))
        if kind:
            panels.setdefault(TITLES.get(kind, name), {})[name] = at, values
    order = [*TITLES.values(), *sorted(panels.keys() - TITLES.values())]
    return charts + [line_chart(title, panels[title], end) for title in order if title in panels]


def _is_curve(lines: dict[str, Curve]) -> bool:
    return any(len(at) > 1 for at, _ in lines.values())


def scores(history: list[tuple[int, dict[str, float]]]) -> dict[str, dict[str, Curve]]:
    """Return by metric the curve of each network, the usual metric first."""
    found: dict[str, dict[str, Curve]] = {METRIC: {}}
    for iters, row in history:
        for key, value in row.items():
            network, _, metric = key.rpartition('/')
            at, values = found.setdefault(metric, {}).setdefault(network or 'model', ([], []))
            at.append(iters)
            values.append(value)
    return {metric: lines for metric, lines in found.items() if lines}


def numbers(run: Run) -> dict[str, Curve]:
    """Return the curve of each number that was logged in the training.

    The last checkpoint that loads keeps all iterations; what came later is in the rows alone, and
    so is everything if there is no checkpoint.
    """
    iters, found = _stored(run)
    for row in run.trained:
        for name, value in row.items():
            if name in ('iter', 'step') or not isinstance(value, (int, float)):
                continue
            if row['iter'] > iters:
                at, values = found.setdefault(name, ([], []))
                at.append(row['iter'])
                values.append(float(value))
    return found


def _stored(run: Run) -> tuple[int, dict[str, Curve]]:
    for iters, path in reversed(checkpoints(str(run.folder)).items()):
        try:
            histories = from_plain(safe_load(path)['message_hub'])['log_scalars']
            curves = numbers_of(histories, iters)
        except (UserError, OSError) as error:
            run.problems.append(str(error))
            continue
        except (KeyError, TypeError, AttributeError, ValueError):  # no checkpoint of a training
            continue
        return iters, {
            name: (at.tolist(), values.tolist()) for name, (at, values) in curves.items()
        }
    return 0, {}
