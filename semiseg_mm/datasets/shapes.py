"""Procedural scenes: the embedded default dataset, with nothing on disk.

A scene is a pure function of (seed, index). Every object has a random colour; a class is told by
its shading (ball, bowl, slab), its texture (stripes, checker) or its outline (star, small and
rare), so colour augmentation destroys nothing that names a class. A few labels do not show a
class in all colours, lights, sizes and occlusions; many unlabeled scenes do.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets.basesegdataset import BaseSegDataset

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS, TRANSFORMS
from semiseg_mm.utils import check_choice, check_count

CLASSES = ('background', 'ball', 'slab', 'bowl', 'stripes', 'checker', 'star')
PALETTE = [
    [64, 64, 64], [220, 60, 60], [60, 140, 230], [240, 200, 40],
    [170, 90, 210], [80, 190, 80], [80, 220, 220],
]  # fmt: skip
VAL_START = 1_000_000  # scene number of the first val image: train ids stay below it
_DRAWN = np.cumsum((0.176, 0.176, 0.176, 0.176, 0.176))  # object classes 1..5; the rest: stars


def _background(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
    """Smooth colour fields, grain and thin strokes: clutter without a class."""
    base = rng.uniform(70, 185, 3)
    coarse = (base + rng.normal(0, 16, (4, 4, 3))).astype(np.float32)
    img = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, rng.uniform(3, 10), (h // 4, w // 4)).astype(np.float32)
    img += cv2.resize(grain, (w, h), interpolation=cv2.INTER_LINEAR)[..., None]
    strokes = rng.uniform(-0.1, 1.1, (rng.integers(1, 5), 4)) * (w, h, w, h)
    colors = base + rng.uniform(-60, 60, (len(strokes), 3))
    for (x0, y0, x1, y1), color in zip(strokes.astype(int).tolist(), colors.tolist()):
        cv2.line(img, (x0, y0), (x1, y1), color, 1 + (x0 & 1))
    return img  # H,W,3 float32, may leave 0..255


def _outline(kind: str, rng: np.random.Generator, r: float) -> np.ndarray:
    """Corner points (N,2) around the origin, before the rotation."""
    if kind == 'box':
        a = rng.uniform(0.6, 0.95)
        return r * np.array([[-1, -a], [1, -a], [1, a], [-1, a]])
    if kind == 'triangle':
        angle = np.array([0.0, 2.1, 4.2]) + rng.uniform(-0.2, 0.2, 3)
        radius = np.full(3, 1.2 * r)
    elif kind == 'star':
        angle = np.arange(8) * np.pi / 4  # four points
        radius = np.where(np.arange(8) % 2, 0.45, 1.25) * r
    else:  # round
        angle = np.arange(24) * np.pi / 12
        radius = np.full(24, r)
    squeeze = rng.uniform(0.75, 1.0)
    return np.stack([radius * np.cos(angle), squeeze * radius * np.sin(angle)], 1)


def _texture(kind: str, rng: np.random.Generator, xy: np.ndarray, r: float) -> np.ndarray:
    """What is added to an object's colour at the points xy (2,N) of its own axes."""
    if kind in ('ball', 'bowl'):  # light falls on the middle, or on the rim
        depth = np.float32(rng.uniform(55, 85) * (1 if kind == 'ball' else -1))
        return depth * (1 - 2 * (xy**2).sum(0) / np.float32(r * r))
    if kind == 'star':  # shines
        return np.full(xy.shape[1], rng.uniform(70, 110), np.float32)
    if kind == 'slab':  # plain, barely shaded along one axis
        return xy[0] * np.float32(rng.uniform(-10, 10) / r)
    wave = np.sin(xy * np.float32(np.pi / rng.uniform(3.2, 4.6)) + np.float32(rng.uniform(0, 6)))
    wave = wave[0] if kind == 'stripes' else wave[0] * wave[1]
    return np.sign(wave) * np.float32(rng.uniform(50, 85))


def _paint(rng: np.random.Generator, img: np.ndarray, mask: np.ndarray, cls: int) -> None:
    """Draw one object over what is there: later objects hide earlier ones."""
    h, w = mask.shape
    kind = outline = CLASSES[cls]
    if kind in ('stripes', 'checker', 'slab'):  # here the texture is the class, not the outline
        outline = ('ball', 'box', 'triangle')[rng.integers(3)]
    r = min(h, w) * (rng.uniform(0.10, 0.14) if kind == 'star' else rng.uniform(0.16, 0.28))
    centre = rng.uniform(0.05, 0.95, 2) * (w, h)
    turn = rng.uniform(0, 2 * np.pi)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    points = _outline(outline, rng, r) @ axes.T
    area = np.zeros((h, w), np.uint8)
    cv2.fillPoly(area, [np.round((points + centre) * 16).astype(np.int32)], 1, shift=4)
    ys, xs = np.nonzero(area)
    color = rng.uniform(60, 195, 3)
    cx, cy = centre.astype(int)
    gap = float(color.mean() - img[min(cy, h - 1), min(cx, w - 1)].mean())
    if abs(gap) < 50:  # an object that no eye could find is not a fair question
        color += np.copysign(50 - abs(gap), gap)
    xy = (np.stack([xs, ys], 1) - centre).astype(np.float32) @ axes.astype(np.float32)
    img[ys, xs] = color + _texture(kind, rng, xy.T, r)[:, None]
    mask[ys, xs] = cls


def _light(rng: np.random.Generator, img: np.ndarray) -> np.ndarray:
    """A tinted gain with a slope across the scene, sometimes blur, always sensor noise."""
    h, w = img.shape[:2]
    slope = rng.uniform(-0.3, 0.3, 2)
    ramp = slope[0] * np.linspace(-1, 1, h)[:, None] + slope[1] * np.linspace(-1, 1, w)
    gain = rng.uniform(0.65, 1.25) * rng.uniform(0.85, 1.15, 3)
    img = img * (1 + ramp[..., None]).astype(np.float32) * gain.astype(np.float32)
    if rng.random() < 0.5:
        img = cv2.GaussianBlur(img, (3, 3), rng.uniform(0.4, 0.9))
    img += rng.standard_normal(img.shape, np.float32) * np.float32(rng.uniform(2, 7))
    return np.clip(img, 0, 255).astype(np.uint8)


def render(
    index: int, size: tuple[int, int] = (64, 64), seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw scene `index`. Returns the image (H,W,3 uint8, BGR) and its labels (H,W uint8)."""
    h, w = size
    rng = np.random.default_rng((seed, index))
    img, mask = _background(rng, h, w), np.zeros((h, w), np.uint8)
    for pick in rng.random(rng.integers(2, 6)):
        _paint(rng, img, mask, 1 + int(np.searchsorted(_DRAWN, pick, side='right')))
    return _light(rng, img), mask


@DATASETS.register_module()
class ShapesDataset(BaseSegDataset):
    """Scenes `start .. start + num_images - 1` of one split, or exactly those in `ids`.

    The same (split, id, size, seed) is the same scene in every dataset, so a labeled and an
    unlabeled part are kept apart by their id ranges. Without labels no mask is ever handed out.
    """

    METAINFO = dict(classes=CLASSES, palette=PALETTE)

    def __init__(
        self,
        split: str = 'train',
        num_images: int | None = None,
        start: int = 0,
        ids: Sequence[int] | None = None,
        size: tuple[int, int] = (64, 64),
        seed: int = 0,
        with_labels: bool = True,
        **kwargs,
    ) -> None:
        check_choice('split', split, ('train', 'val'), 'ShapesDataset')
        if (num_images is None) == (ids is None):
            raise UserError('ShapesDataset: give either num_images (with start) or ids.')
        check_count('start', start, 'ShapesDataset')
        if num_images is not None:
            check_count('num_images', num_images, 'ShapesDataset', 1)
        self.ids = list(range(start, start + num_images) if ids is None else map(int, ids))
        if not self.ids or min(self.ids) < 0 or max(self.ids) >= VAL_START:
            raise UserError(f'ShapesDataset: ids must be within 0..{VAL_START - 1}, at least one.')
        self.split, self.size, self.seed = split, tuple(size), int(seed)
        self.with_labels = with_labels
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        offset = VAL_START if self.split == 'val' else 0
        return [
            dict(
                img_path=f'shapes/{self.split}/{i:06d}',  # a name, not a file
                scene=dict(index=offset + i, size=self.size, seed=self.seed),
                with_labels=self.with_labels,
                label_map=self.label_map,
                reduce_zero_label=False,
                seg_fields=[],
            )
            for i in self.ids
        ]


@TRANSFORMS.register_module()
class LoadShapes(BaseTransform):
    """Draws the scene in the place of LoadImageFromFile and LoadAnnotations."""

    def transform(self, results: dict) -> dict:
        img, mask = render(**results['scene'])
        results.update(img=img, img_shape=img.shape[:2], ori_shape=img.shape[:2])
        if results['with_labels']:
            if results.get('label_map'):
                table = np.full(256, 255, np.uint8)
                table[list(results['label_map'])] = list(results['label_map'].values())
                mask = table[mask]
            results['gt_seg_map'] = mask
            results['seg_fields'] = [*results.get('seg_fields', []), 'gt_seg_map']
        return results
