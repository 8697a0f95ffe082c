"""COCO's segmentations as masks, with all checks.

pycocotools takes what it is given: runs that do not fill the image leave pixels undefined, and
coordinates far outside end the process.
"""

import numpy as np
from pycocotools import mask as coco_mask

FAR = 10_000  # pixels that a polygon may leave the image by


def decode(segmentation: dict | list, height: int, width: int) -> np.ndarray:
    """The pixels of an RLE (packed or as a list of runs) or of polygons # H,W bool"""
    if isinstance(segmentation, dict):
        runs = read_runs(segmentation.get('counts'))
        if (runs < 0).any() or runs.sum() != height * width:
            raise ValueError(f'its runs do not make {height} x {width} pixels')
        inside = np.arange(len(runs)) % 2 == 1  # runs of 0 and 1 in turn, column by column
        return np.repeat(inside, runs).reshape(width, height).T
    return _fill(segmentation, height, width)


def read_runs(counts: str | list) -> np.ndarray:
    """The lengths of the runs. In the packed form a run is the difference to the one but last."""
    if not isinstance(counts, str):
        runs = np.asarray(counts)
        if runs.ndim != 1 or runs.dtype.kind not in 'ui':
            raise ValueError('its counts are neither text nor a list of whole numbers')
        return runs.astype(np.int64)
    codes = np.frombuffer(counts.encode('latin-1', 'replace'), np.uint8).astype(np.int64) - 48
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError('its counts are no run lengths')
    ends = np.flatnonzero(codes & 32 == 0)  # 6 bits a letter: 5 of the number, 1 for "goes on"
    starts = np.concatenate([[0], ends[:-1] + 1])
    letters = ends - starts + 1
    if letters.max() > 8:
        raise ValueError('its counts hold numbers beyond all images')
    place = np.arange(len(codes)) - np.repeat(starts, letters)
    runs = np.add.reduceat((codes & 31) << (5 * place), starts)
    runs -= np.where(codes[ends] & 16, 1 << (5 * letters), 0)  # the last letter has the sign
    for first in (1, 2):
        runs[first::2] = np.cumsum(runs[first::2])
    return runs


def _fill(polygons: list, height: int, width: int) -> np.ndarray:
    """The union of polygons, each x, y, x, y, …, as pycocotools draws them."""
    for polygon in polygons:
        points = np.asarray(polygon, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError('a polygon has to be x, y of at least three points')
        low, high = points.reshape(-1, 2).min(0), points.reshape(-1, 2).max(0)
        if not (low >= -FAR).all() or not (high <= np.array([width, height]) + FAR).all():
            raise ValueError('a polygon is far outside of the image')
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))) > 0
