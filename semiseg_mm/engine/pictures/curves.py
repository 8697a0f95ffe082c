"""Draws how a training went: losses, what counted of the unlabeled images, rates, scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmengine.logging import HistoryBuffer, MessageHub

MOST = 300  # points of a curve; each is a mean
# What mmengine and mmseg log beside a method's own numbers
OTHERS = (
    'time',
    'data_time',
    'data_share',
    'busy_share',
    'memory',
    'momentum',
    'grad_norm',
    'loss_scale',
    'acc_seg',
)
Curve = tuple[np.ndarray, np.ndarray]  # iterations and values
Panels = dict[str, dict[str, Curve]]


def curves_of(hub: MessageHub, iters: int, metric: str = 'mIoU') -> Panels:
    """Return the curves of a run by panel and name, from the history that a checkpoint keeps."""
    panels: Panels = dict(loss={}, share={}, lr={})
    for name, curve in numbers_of(hub.log_scalars, iters).items():
        kind = kind_of(name, curve[1])
        if kind in panels:
            panels[kind][name] = curve
    panels[metric] = {}
    scores = hub.runtime_info.get('evaluations', [])
    for network in sorted({key for _, row in scores for key in row if _is(key, metric)}):
        points = [(at, row[network]) for at, row in scores if network in row]
        name = network.rpartition('/')[0] or 'model'
        panels[metric][name] = tuple(np.array(one, dtype=float) for one in zip(*points))
    return {panel: found for panel, found in panels.items() if found}


def numbers_of(histories: Mapping[str, HistoryBuffer], iters: int) -> dict[str, Curve]:
    """Return the curve of each number that a training has logged in its iterations."""
    found = {}
    for key, history in histories.items():
        name, values = key.removeprefix('train/'), np.asarray(history.data[0], dtype=float)
        if name != key and len(values):
            found[name] = _thinned(values, iters)
    return found


def _is(key: str, metric: str) -> bool:
    return key.rpartition('/')[2] == metric


def kind_of(name: str, values: np.ndarray) -> str | None:
    """Return what a logged number is: 'loss', 'share', 'lr', or 'other' of the method's own.

    It is None for what mmengine and mmseg log beside them.
    """
    last = name.rpartition('.')[2]
    if last in OTHERS or 'base_lr' in name:
        return None
    if last == 'lr' or name.endswith('/lr'):
        return 'lr'
    if 'loss' in name:
        return 'loss'
    is_share = values.min() >= 0 and values.max() <= 1.001  # a rounded sum may exceed 1
    return 'share' if is_share and 'acc' not in last else 'other'


def _thinned(values: np.ndarray, iters: int) -> Curve:
    """Return means of neighbours. What has fewer values than iterations began later."""
    at = np.arange(iters - len(values), iters) + 1
    parts = min(MOST, len(values))
    return tuple(
        np.array([part.mean() for part in np.array_split(one, parts)]) for one in (at, values)
    )


def draw_curves(panels: Panels, title: str, path: str) -> None:
    """Write the curves as a PNG, a panel below the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6 * len(panels)), layout='constrained')
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (panel, curves) in zip(axes, panels.items(), strict=True):
        scored = panel not in ('loss', 'share', 'lr')
        for name, (at, values) in curves.items():
            _draw(axis, name, at, values, scored)
        axis.set_ylabel(panel)
        axis.grid(alpha=0.3)
        axis.legend(loc='center left', bbox_to_anchor=(1, 0.5), fontsize='small')
    axes[-1].set_xlabel('iteration')
    figure.savefig(path, format='png', dpi=100)


def _draw(axis, name: str, at: np.ndarray, values: np.ndarray, scored: bool) -> None:
    """Plot a curve; of a score, name its last value and mark its best."""
    if not scored or not np.isfinite(values).any():
        axis.plot(at, values, label=name, linewidth=1)
        return
    best = int(np.nanargmax(values))
    label = f'{name}: last {values[-1]:.2f},\nbest {values[best]:.2f} at {at[best]:.0f}'
    (line,) = axis.plot(at, values, marker='.', label=label)
    axis.plot(at[best], values[best], marker='*', markersize=11, color=line.get_color())
