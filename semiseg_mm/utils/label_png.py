from collections.abc import Sequence

import numpy as np
from PIL import Image

from .atomic import atomic_path


def write_mask(
    path: str,
    mask: np.ndarray,
    palette: Sequence[Sequence[int]] | None = None,
    durable: bool = True,
) -> None:
    """Write a label map (H,W, ids 0 … 255) as a PNG: whole or not at all.

    With a palette the ids show in their colours, and 255 (ignored) in white, while loaders still
    read the ids. mmseg's own loader does, through Pillow.
    """
    if mask.ndim != 2 or mask.min(initial=0) < 0 or mask.max(initial=0) > 255:
        raise ValueError(f'a label map is H,W with ids 0 … 255, not {mask.shape}, {mask.max()}')
    image = Image.fromarray(np.ascontiguousarray(mask, np.uint8))
    if palette is not None:
        colours: np.ndarray = np.full((256, 3), 255, np.uint8)
        colours[: len(palette)] = palette
        image.putpalette(colours.tobytes())
    with atomic_path(path, durable) as part:
        image.save(part, format='PNG', compress_level=1)
