"""How good a set of label maps is: what a label stage counts, chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from semiseg_mm.errors import UserError
from semiseg_mm.utils.confusion import areas, confusion

from .quota import Thresholds, kept_pixels

IGNORED = 255
COUNTS = ('pixels', 'confidence', 'judged', 'hits', 'confusion')


class LabelQuality:
    """Count over label maps; counts of chunks add up, and travel as JSON.

    Without confidences their part of the report is left out, and without truth that on errors.
    What counts as truth is read for this report only.

    Args:
        classes: Names, in the order of the labels.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = list(classes)
        size = len(self.classes)
        self.images = 0
        self.pixels = np.zeros(size + 1, np.int64)  # by label, ignored ones last
        self.confidence = np.zeros((size, 256), np.int64)  # by label and confidence
        self.judged = np.zeros((size, 256), np.int64)  # of these the ones with a truth
        self.hits = np.zeros((size, 256), np.int64)  # of these the right ones
        self.confusion = np.zeros((size, size + 1), np.int64)  # truth, label; ignored ones last

    def add(
        self,
        label: np.ndarray,
        confidence: np.ndarray | None = None,
        truth: np.ndarray | None = None,
        name: str = '',
    ) -> None:
        """Count one image; all are H,W uint8, 255 is ignored, ``name`` is for errors."""
        label = self._checked(label, label.shape, f'The label map of {name}')
        self.images += 1
        self.pixels += np.bincount(label.ravel(), minlength=len(self.pixels))
        if confidence is not None:
            self.confidence += self._by_confidence(label, confidence, label < len(self.classes))
        if truth is None:
            return
        truth = self._checked(truth, label.shape, f'The truth of {name}')
        rows = (torch.from_numpy(numbers).flatten()[None] for numbers in (truth, label))
        self.confusion += confusion(*rows, len(self.classes))[0, :-1].numpy()
        if confidence is not None:
            judged = (truth < len(self.classes)) & (label < len(self.classes))
            self.judged += self._by_confidence(label, confidence, judged)
            self.hits += self._by_confidence(label, confidence, judged & (truth == label))

    def merge(self, *others: LabelQuality) -> LabelQuality:
        for other in others:
            if other.classes != self.classes:
                raise ValueError('the counts are of different classes')
            self.images += other.images
            for name in COUNTS:
                setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def to_dict(self) -> dict:
        """Return, ready for JSON, the cells of each table that are not 0, and their counts."""
        state: dict = dict(classes=self.classes, images=self.images)
        for name in COUNTS:
            flat = getattr(self, name).ravel()
            cells = np.flatnonzero(flat)
            state[name] = [cells.tolist(), flat[cells].tolist()]
        return state

    @classmethod
    def from_dict(cls, state: dict) -> LabelQuality:
        counts = cls(state['classes'])
        counts.images = state['images']
        for name in COUNTS:
            cells, values = state[name]
            getattr(counts, name).ravel()[cells] = values
        return counts

    # ------------------------------------------------------------------ what they say

    def report(self, thresholds: Thresholds | None = None) -> dict:
        """Return a report that is ready for JSON. A share or score over nothing is None.

        IoU and accuracy are over pixels that have a label and a truth; a class that is in neither
        does not count for mIoU. ``kept`` is what would remain with these thresholds.
        """
        labeled = self.pixels[:-1]
        report: dict = dict(
            images=self.images,
            pixels=int(self.pixels.sum()),
            coverage=_share(labeled.sum(), self.pixels.sum()),
        )
        rows: dict[str, dict] = {
            name: dict(share=_share(n, labeled.sum())) for name, n in zip(self.classes, labeled)
        }
        if self.confidence.any():
            self._report_confidence(report, rows, thresholds)
        if self.confusion.any():
            self._report_truth(report, rows)
        return dict(report, classes=rows)

    def _report_confidence(self, report: dict, rows: dict, thresholds: Thresholds | None) -> None:
        weights = np.arange(256) / 255
        counts = self.confidence.sum(1)
        report['mean_confidence'] = _share(self.confidence.sum(0) @ weights, counts.sum())
        for row, histogram in zip(rows.values(), self.confidence):
            row['mean_confidence'] = _share(histogram @ weights, histogram.sum())
        if thresholds is None:
            return
        kept = kept_pixels(self.confidence, thresholds)
        report['kept'] = dict(coverage=_share(kept.sum(), self.pixels.sum()))
        for row, part, count in zip(rows.values(), kept, counts):
            row['kept'] = _share(part, count)
        if self.judged.any():
            right, all_kept = (kept_pixels(t, thresholds).sum() for t in (self.hits, self.judged))
            report['kept']['accuracy'] = _share(right, all_kept)

    def _report_truth(self, report: dict, rows: dict) -> None:
        table = np.pad(self.confusion[:, :-1], ((0, 1), (0, 1)))  # an ignored label is no label
        right, union, labels, judged = (part.numpy() for part in areas(torch.from_numpy(table)))
        scores = [_share(n, total) for n, total in zip(right, union)]
        present = [score for score in scores if score is not None]
        report['mIoU'] = round(float(np.mean(present)), 6) if present else None
        report['accuracy'] = _share(right.sum(), judged.sum())
        truth = self.confusion.sum(1)
        for k, row in enumerate(rows.values()):
            row.update(IoU=scores[k], share_in_truth=_share(truth[k], truth.sum()))
            row['precision'] = _share(right[k], labels[k])
            row['recall'] = _share(right[k], truth[k])

    # ------------------------------------------------------------------ counting

    def _checked(self, labels: np.ndarray, shape: tuple, what: str) -> np.ndarray:
        """Return labels with ignored pixels as the number behind the last class."""
        if labels.shape != shape:
            raise UserError(f'{what} is {labels.shape}, the label map is {shape}: sizes differ.')
        size = len(self.classes)
        bad = (labels >= size) & (labels != IGNORED)
        if bad.any():
            raise UserError(
                f'{what} holds the label {labels[bad][0]}, but there are {size} classes '
                f'(0 to {size - 1}) and {IGNORED} for ignored pixels.'
            )
        return np.minimum(labels, size)

    def _by_confidence(
        self, label: np.ndarray, confidence: np.ndarray, where: np.ndarray
    ) -> np.ndarray:
        cells = label[where].astype(np.int64) * 256 + confidence[where]
        return np.bincount(cells, minlength=self.hits.size).reshape(self.hits.shape)  # C,256


def _share(part: float, whole: float) -> float | None:
    return round(float(part) / float(whole), 6) if whole else None
