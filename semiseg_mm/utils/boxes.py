import math
from collections.abc import Callable


def draw_box(
    size: tuple[int, int],
    share: Callable[[], float],
    ratio: tuple[float, float],
    uniform: Callable[[], float],
) -> tuple[slice, slice]:
    """Rows and columns of a box: sides and place are redrawn together until it lies inside.

    So it is done in UniMatch (for CutMix) and ST (for Cutout). Boxes that never fit are squeezed.

    Args:
        size: (h, w) of the image.
        share: Draws the box's share of the image.
        ratio: Range of its height over its width.
        uniform: Draws from 0 to 1.
    """
    height, width = size
    for _ in range(100):
        area = share() * height * width
        aspect = ratio[0] + (ratio[1] - ratio[0]) * uniform()
        rows, columns = int(math.sqrt(area * aspect)), int(math.sqrt(area / aspect))
        top, left = int(uniform() * height), int(uniform() * width)
        if top + rows <= height and left + columns <= width:
            break
    rows, columns = max(1, min(rows, height)), max(1, min(columns, width))
    top, left = min(top, height - rows), min(left, width - columns)
    return slice(top, top + rows), slice(left, left + columns)
