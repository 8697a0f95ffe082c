from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .panels import Look

GAP, CAPTION, SIDE = 6, 16, 160  # pixels; a panel is at least so wide
INK, PAPER = (40, 40, 40), (255, 255, 255)


def draw_sheet(
    looks: Sequence[Look], classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> np.ndarray:
    """Return one picture, H,W,3 uint8: a row for each image, a column for each view.

    Images with the same views stand together below their captions; the classes' colours come last.
    """
    groups: dict[tuple[str, ...], list[Look]] = {}
    for look in looks:
        groups.setdefault(tuple(caption for caption, _ in look.panels), []).append(look)
    parts = [_table(captions, rows) for captions, rows in groups.items()]
    width = max(part.width for part in parts)
    parts.append(_legend(classes, palette, width))
    sheet = Image.new('RGB', (width, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    return np.asarray(sheet)


def _table(captions: Sequence[str], rows: Sequence[Look]) -> Image.Image:
    sizes = [image.shape[:2] for row in rows for _, image in row.panels]
    factor = max(1, round(SIDE / max(width for _, width in sizes)))
    wide = max(width for _, width in sizes) * factor
    high = max(height for height, _ in sizes) * factor
    size = GAP + len(captions) * (wide + GAP), 2 * CAPTION + len(rows) * (high + CAPTION + GAP)
    table = Image.new('RGB', size, PAPER)
    pen, font = ImageDraw.Draw(table), ImageFont.load_default()
    for x, caption in enumerate(captions):
        pen.text((GAP + x * (wide + GAP), 2), caption, INK, font)
    for y, row in enumerate(rows):
        top = CAPTION + GAP + y * (high + CAPTION + GAP)
        for x, (_, image) in enumerate(row.panels):
            panel = Image.fromarray(image)
            panel = panel.resize((panel.width * factor, panel.height * factor), Image.NEAREST)
            table.paste(panel, (GAP + x * (wide + GAP), top))
        pen.text((GAP, top + high + 1), row.name, INK, font)
    return table


def _legend(classes: Sequence[str], palette: Sequence[Sequence[int]], width: int) -> Image.Image:
    font, places, x, y = ImageFont.load_default(), [], GAP, 2
    for name in classes:
        long = CAPTION + round(font.getlength(name)) + 2 * GAP
        if x + long > width and x > GAP:
            x, y = GAP, y + CAPTION
        places.append((x, y))
        x += long
    legend = Image.new('RGB', (width, y + CAPTION + GAP), PAPER)
    pen = ImageDraw.Draw(legend)
    for name, colour, (x, y) in zip(classes, palette, places):
        pen.rectangle((x, y, x + 11, y + 11), tuple(map(int, colour)), INK)
        pen.text((x + CAPTION, y), name, INK, font)
    return legend
