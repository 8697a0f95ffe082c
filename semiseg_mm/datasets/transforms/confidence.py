import contextlib
import json
import math
import os
import zlib
from functools import lru_cache

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.datasets.backends import fetch
from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

from .image_bytes import MAX_PIXELS, excess, size_of
from .load_labels import class_numbers

IGNORED = 255


@TRANSFORMS.register_module()
class LoadConfidence(BaseTransform):
    """The confidences of a label map into ``results['confidence']`` (H,W uint8; 255 stands for 1).

    It stands after LoadAnnotations. ScaleCrop cuts them as it cuts the labels, with 0 as padding.
    """

    def transform(self, results: dict) -> dict:
        path = results.get('confidence_path')
        if path is None:
            raise UserError(
                f'LoadConfidence: {results.get("img_path")} has no confidences. Set conf_dir of '
                'the PseudoLabeledDataset, or take LoadConfidence out of its pipeline.'
            )
        content, label = _content(path), results.get('gt_seg_map')
        size = size_of(content)  # known before the decoder takes memory for it
        if label is not None and size not in (None, label.shape):
            raise UserError(
                f'The confidences {path} are {_size(size)} but the label map '
                f'{results.get("seg_map_path")} is {_size(label.shape)}: make both again.'
            )
        if label is None and (reason := excess(content, MAX_PIXELS)):
            raise UserError(f'The confidences {path} cannot be read: {reason}.')
        results['confidence'] = _decode_gray(content, path)
        results['seg_fields'] = [*results.get('seg_fields', []), 'confidence']
        return results


@TRANSFORMS.register_module()
class IgnoreUncertain(BaseTransform):
    """Labels that are not sure enough become 255.

    It stands right after LoadConfidence and before ScaleCrop: it needs the whole label map. Where a
    class's threshold falls among pixels of equal confidence, a random part of them is kept. It is
    the same part each time: drawn by the image's own confidences, not by the run's seed.

    Args:
        threshold: Confidence from 0 to 1; what is below it is ignored.
        thresholds: Instead, a JSON file with a threshold for each class, ``{class: {bin, share}}``:
            kept is what is above ``bin`` (0 … 255), and the share ``share`` of what is in it.
        border: So many pixels on both sides of a boundary between two classes are ignored too.
    """

    def __init__(
        self, threshold: float | None = None, thresholds: str | None = None, border: int = 0
    ) -> None:
        if threshold is not None and thresholds is not None:
            raise UserError('IgnoreUncertain: give threshold or thresholds, not both.')
        if threshold is not None and not 0 <= threshold <= 1:
            raise UserError(f'IgnoreUncertain: threshold={threshold} is not within 0 … 1.')
        self.threshold, self.thresholds = threshold, thresholds
        self.border = border
        # known from here on, so that an index over the filtered labels can tell what they were
        known = thresholds is not None and os.path.exists(thresholds)
        self.table = read_thresholds(thresholds) if known else None

    def transform(self, results: dict) -> dict:
        label = class_numbers(results['gt_seg_map'], results.get('seg_map_path')).copy()  # H,W
        ignored = near_boundary(label, self.border)
        if self.threshold is not None or self.thresholds is not None:
            confidence = results.get('confidence')
            if confidence is None:
                raise UserError("IgnoreUncertain needs dict(type='LoadConfidence') before it.")
            bins, shares = self._table(label, results)
            ignored |= ~is_kept(label, confidence, bins, shares)
        label[ignored] = IGNORED
        results['gt_seg_map'] = label
        return results

    def _table(self, label: np.ndarray, results: dict) -> tuple[np.ndarray, np.ndarray]:
        if self.threshold is not None:
            lowest = math.ceil(self.threshold * 255 - 1e-9)
            return np.full(256, lowest, np.uint8), np.ones(256, np.float32)
        bins, shares = self.table or read_thresholds(self.thresholds)
        unknown = cv2.LUT(label, (shares < 0).astype(np.uint8)) > 0
        if unknown.any():
            raise UserError(
                f'{self.thresholds} has no threshold for class {label[unknown][0]}, which is in '
                f'{results.get("seg_map_path")}: they do not belong together.'
            )
        return bins, shares


def is_kept(
    label: np.ndarray, confidence: np.ndarray, bins: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Which pixels (H,W) are sure enough; ``bins`` and ``shares`` by label, 256 of each."""
    limit = cv2.LUT(label, bins)
    kept = confidence > limit
    ties = np.flatnonzero(confidence == limit)
    share = shares[label.ravel()[ties]]
    if (share < 1).any():
        rng = np.random.default_rng(zlib.crc32(np.ascontiguousarray(confidence)))
        kept.ravel()[ties] = rng.random(len(ties), np.float32) < share
    else:
        kept.ravel()[ties] = True
    return kept


def near_boundary(label: np.ndarray, border: int) -> np.ndarray:
    """Pixels with another class at most ``border`` rows and columns away; 255 is no class."""
    if not border:
        return np.zeros(label.shape, bool)
    window = np.ones((2 * border + 1, 2 * border + 1), np.uint8)
    lowest = cv2.erode(label, window)
    highest = cv2.dilate(np.where(label == IGNORED, 0, label).astype(np.uint8), window)
    return highest > lowest


def read_thresholds(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Bins and shares by label, 256 of each; the share of a class without threshold is -1."""
    try:
        state = os.stat(path)
    except OSError as error:
        raise UserError(
            f'The thresholds {path} cannot be read ({error.strerror}): a label stage with a quota '
            'writes them. Correct thresholds of IgnoreUncertain.'
        ) from error
    return _read_thresholds(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=8)
def _read_thresholds(path: str, *_: int) -> tuple[np.ndarray, np.ndarray]:
    bins, shares = np.zeros(256, np.uint8), np.full(256, -1, np.float32)
    shares[IGNORED] = 1
    try:
        with open(path, encoding='utf-8') as file:
            for name, value in json.load(file).items():
                if not 0 <= value['bin'] <= 255 or not 0 <= value['share'] <= 1:
                    raise ValueError(f'{name}: {value}')
                bins[int(name)], shares[int(name)] = value['bin'], value['share']
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(
            f'{path} holds no thresholds ({type(error).__name__}: {error}): expected is '
            '{"0": {"bin": 200, "share": 0.5}, "1": …}.'
        ) from error
    return bins, shares


def _content(path: str) -> bytes:
    try:
        return fetch(path)
    except OSError as error:
        raise UserError(
            f'The confidences {path} cannot be read ({error}): make them again.'
        ) from error


def _decode_gray(content: bytes, path: str) -> np.ndarray:
    image = None
    with contextlib.suppress(cv2.error):
        buffer = np.frombuffer(content, np.uint8)
        image = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED) if content else None
    if image is None or image.ndim != 2 or image.dtype != np.uint8:
        raise UserError(f'{path} is no 8-bit gray PNG of confidences: make it again.')
    return image


def _size(shape: tuple[int, ...]) -> str:
    return 'x'.join(map(str, shape))
