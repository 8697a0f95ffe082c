"""Where the second crop of an image lies, so that it overlaps with the first one."""

import math

from semiseg_mm.structures import Overlap

TRIES = 50  # as DCC's code


def overlapping(window, overlap: Overlap) -> tuple[int, int]:
    """Draw a second corner, and move the window there if it is the second crop's.

    Both crops draw both corners, from one seed. The second one lies whole multiples of the stride
    away, up to half a pixel of the image. If none that fits is found, both lie at one place.

    Returns:
        How many pixels of the crops it lies below the first one, and to its right.
    """
    for _ in range(TRIES):
        places = [_place(window, axis, overlap.stride) for axis in range(2)]
        offset = tuple(cells * overlap.stride for _, cells in places)
        if overlap.share[0] <= shared_area(window.crop, offset) <= overlap.share[1]:
            break
    else:
        places, offset = [(corner, 0) for corner in window.corner], (0, 0)
    if overlap.number == 1:
        window.corner = [corner for corner, _ in places]
    return offset


def _place(window, axis: int, stride: int) -> tuple[int, int]:
    """Draw a corner; return the next one at a whole number of strides, and that number."""
    first, step = window.corner[axis], window.step[axis] * stride  # in pixels of the image
    cells = math.floor((window.draw_corner(axis) - first) / step)
    if round(first + cells * step) < 0:
        cells += 1
    return min(max(0, round(first + cells * step)), window.room(axis)), cells


def shared_area(crop: tuple[int, int], offset: tuple[int, int]) -> float:
    """Return the area that both crops show, as a share of what one of them shows."""
    inside = [max(0, side - abs(far)) for side, far in zip(crop, offset, strict=True)]
    both = inside[0] * inside[1]
    return both / (2 * crop[0] * crop[1] - both)
