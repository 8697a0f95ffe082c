"""Draws what stages have counted, as PNG files."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from semiseg_mm.utils import atomic_path

from .quality import LabelQuality
from .quota import Thresholds, kept_pixels

LABELS, KEPT, TRUTH = '#4c72b0', '#55a868', '#c44e52'


def draw_quality(quality: LabelQuality, path: str, thresholds: Thresholds | None = None) -> None:
    """Draw how the classes and the confidences of label maps are distributed."""
    parts = 2 if quality.confidence.any() else 1
    height = max(3.2, 0.22 * len(quality.classes) + 1)
    figure = Figure(figsize=(11 if parts == 2 else 6, height), dpi=90)
    axes = figure.subplots(1, parts, squeeze=False)[0]
    _draw_classes(axes[0], quality, thresholds)
    if parts == 2:
        _draw_confidence(axes[1], quality)
    figure.tight_layout()
    _write(figure, path)


def draw_ranking(scores: Sequence[float], reliable: int, path: str) -> None:
    """Draw a histogram of the images' scores, of which the first ones count as reliable."""
    figure = Figure(figsize=(6, 3.2), layout='constrained')
    axes = figure.add_subplot()
    axes.hist([scores[:reliable], scores[reliable:]], bins=np.linspace(0, 1, 41), stacked=True,
              label=[f'reliable ({reliable})', f'rest ({len(scores) - reliable})'])  # fmt: skip
    axes.set(xlabel='agreement with the last checkpoint (mean IoU)', ylabel='images')
    axes.legend(frameon=False)
    axes.spines[['top', 'right']].set_visible(False)
    _write(figure, path)


def _write(figure: Figure, path: str) -> None:
    """Write a figure as PNG, without a window system or global state."""
    with atomic_path(path) as part:
        FigureCanvasAgg(figure).print_png(part)


def _draw_classes(axes: Axes, quality: LabelQuality, thresholds: Thresholds | None) -> None:
    """Shares of all pixels; what is kept lies on the bar of what is labeled."""
    places = np.arange(len(quality.classes))
    total = max(1, quality.pixels.sum())
    truth = quality.confusion.sum(1)
    width = 0.4 if truth.any() else 0.8
    shift = width / 2 if truth.any() else 0
    axes.barh(places - shift, quality.pixels[:-1] / total, width, color=LABELS, label='labels')
    if thresholds is not None and quality.confidence.any():
        kept = kept_pixels(quality.confidence, thresholds) / total
        axes.barh(places - shift, kept, width / 2, color=KEPT, label='kept')
    if truth.any():
        axes.barh(places + shift, truth / truth.sum(), width, color=TRUTH, label='truth')
    names = [name if len(name) <= 24 else f'{name[:23]}…' for name in quality.classes]
    axes.set_yticks(places, names, fontsize=8)
    axes.set_ylim(len(places) - 0.5, -0.5)
    axes.set_xlabel(f'share of pixels ({quality.images} images)')
    axes.legend(fontsize=8)


def _draw_confidence(axes: Axes, quality: LabelQuality) -> None:
    """Sixteen bins of sixteen; above them the share of right labels, where truth is known."""
    counts, judged, hits = (
        table.sum(0).reshape(16, 16).sum(1)
        for table in (quality.confidence, quality.judged, quality.hits)
    )
    centres = (np.arange(16) * 16 + 7.5) / 255
    axes.bar(centres, counts / counts.sum(), 15.4 / 255, color=LABELS, label='labels')
    axes.set_xlim(0, 1)
    axes.set_xlabel('confidence')
    axes.set_ylabel('share of labeled pixels')
    if judged.any():
        some = judged > 0
        axes.plot(centres[some], hits[some] / judged[some], 'o-', color=TRUTH, label='right')
        axes.plot([0, 1], [0, 1], ':', color='gray')
        axes.set_ylim(0, 1.02)
        axes.set_ylabel('share of labeled pixels; share of right ones')
    axes.legend(fontsize=8, loc='upper left')
