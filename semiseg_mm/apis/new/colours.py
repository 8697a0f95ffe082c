"""Values of masks as colours: each is one number, red x 65536 + green x 256 + blue."""

import re
from collections.abc import Sequence

import numpy as np

from semiseg_mm.errors import UserError

GREY = np.array([65536, 256, 1]).sum()  # a grey level times this is its colour as one number
PALETTE = [
    (64, 64, 64), (220, 60, 60), (60, 140, 230), (240, 200, 40), (170, 90, 210), (80, 190, 80),
    (80, 220, 220), (250, 130, 40), (240, 130, 190), (150, 110, 70), (20, 20, 140), (130, 150, 40),
]  # fmt: skip


def is_blend(value: int, kept: list[int]) -> bool:
    """Return whether a colour lies between two others, as where one fades into the other."""
    point, ends = np.array(rgb(value), float), np.array([rgb(v) for v in kept], float)
    for k, start in enumerate(ends):
        along = ends[k + 1 :] - start
        share = ((point - start) * along).sum(1) / np.maximum(1, (along**2).sum(1))
        off = np.abs(start + share[:, None] * along - point).max(1, initial=0)
        if ((off < 8) & (share > 0) & (share < 1)).any():
            return True
    return False


def nearest(values: np.ndarray, known: Sequence[int]) -> np.ndarray:
    """Return, of each value, the place of the nearest known one."""
    points, ends = split(values), split(np.asarray(known))
    best, least = np.zeros(len(values), np.int64), np.full(len(values), np.inf)
    for k, end in enumerate(ends):
        distance = np.abs(points - end).sum(1)
        closer = distance < least
        best[closer], least[closer] = k, distance[closer]
    return best


def distance(value: int, kept: Sequence[int]) -> np.ndarray:
    return np.abs(split(np.asarray(kept)) - split(np.asarray([value]))).max(1)


def split(values: np.ndarray) -> np.ndarray:
    """Return numbers as red, green, blue; plain numbers are all blue, which keeps distances."""
    return np.stack([values >> 16, values >> 8 & 255, values & 255], 1).astype(np.int64)


def rgb(value: int) -> tuple[int, int, int]:
    return value >> 16, value >> 8 & 255, value & 255


def colours_of(values: Sequence[int], colours: bool, palette: tuple | None) -> list:
    if colours:
        return [rgb(value) for value in values]
    if palette and max(values) < len(palette) and len({palette[v] for v in values}) == len(values):
        return [tuple(palette[value]) for value in values]
    return class_colours(len(values))


def class_colours(count: int) -> list[tuple[int, int, int]]:
    """Return colours that differ, always the same ones."""
    rng = np.random.default_rng(0)
    more = [tuple(rng.integers(40, 256, 3).tolist()) for _ in range(count - len(PALETTE))]
    return [*PALETTE, *more][:count]


def named_value(word: str, colours: bool) -> tuple[int, str]:
    name, _, value = word.rpartition('=')
    return value_of(value, colours), name


def value_of(word: str, colours: bool) -> int:
    if re.fullmatch(r'#[0-9a-fA-F]{6}', word):
        return int(word[1:], 16)
    if not word.isdecimal() or int(word) > 65535:
        raise UserError(f'{word!r} is no value of a mask: write a number, or a colour as #RRGGBB.')
    return int(word) * int(GREY) if colours else int(word)


def text_of(value: int, colours: bool) -> str:
    return f'#{value:06x}' if colours else str(value)
