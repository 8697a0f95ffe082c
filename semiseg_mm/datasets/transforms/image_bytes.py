"""What the bytes of an image file say before anything decodes them."""

import io
import mmap
import re
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.logging import print_log
from PIL import Image

JPEG, PNG = b'\xff\xd8', b'\x89PNG'
TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')  # the last two are BigTIFF
SCAN, END = 0xDA, 0xD9
# in scan data FF is followed by 00, or by a restart marker (D0 to D7)
MARKER = re.compile(rb'\xff[^\x00\x01\xd0-\xd8\xff]')
# tags of TIFF
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLES_PER_PIXEL, PLANAR, EXTRA_SAMPLES = 258, 262, 277, 284, 338
PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette has 3
# An image may have so many: 16384 x 16384. A file of 1 MB can hold more, which take gigabytes when
# it is decoded, in each worker, so that the system ends the training.
MAX_PIXELS = 1 << 28
FORMATS = ('JPEG', 'PNG', 'BMP', 'TIFF', 'WEBP', 'GIF', 'AVIF', 'JPEG2000', 'PPM', 'SUN')

_said = mmap.mmap(-1, 1)  # one byte that forked workers share

Range = tuple[float, float]


def defect(content: bytes) -> str | None:
    """Why this is no whole image. A file may go on after its image: cameras append videos."""
    if not content:
        return 'it is empty'
    if content.lstrip()[:1] == b'<':
        return 'it is a text page (HTML or XML), not an image'
    if content.startswith(JPEG) and not _jpeg_ends(content) and not _jpeg_may_end(content):
        return 'it is cut off: no end of image after the last scan'
    if content.startswith(PNG) and b'IEND' not in content[-4096:] and not _png_ends(content):
        return 'it is cut off: no IEND'
    return None


def _jpeg_ends(content: bytes) -> bool:
    """From marker to marker; lengths lead past what segments hold (a thumbnail is a JPEG too)."""
    place, scanned = len(JPEG), False
    while found := MARKER.search(content, place):
        place = found.end()
        kind = content[place - 1]
        if kind == END:
            return scanned
        scanned |= kind == SCAN
        place += max(2, int.from_bytes(content[place : place + 2], 'big'))
    return False


def _jpeg_may_end(content: bytes) -> bool:
    """Where damage has led past the end, the last scan and what follows it decide."""
    return content.rfind(b'\xff\xd9') >= content.rfind(b'\xff\xda')


def _png_ends(content: bytes) -> bool:
    place = 8
    while place + 12 <= len(content):
        if content[place + 4 : place + 8] == b'IEND':
            return True
        place += 12 + int.from_bytes(content[place : place + 4], 'big')
    return False


# ------------------------------------------------------------------ size


def size_of(content: bytes) -> tuple[int, int] | None:
    """Return (height, width) as the header says, before EXIF turns it; None if it says nothing.

    Image.open would do, but it refuses what is larger than its own limit.
    """
    if content.startswith(PNG):  # also where Pillow would stumble over what follows
        return int.from_bytes(content[20:24], 'big'), int.from_bytes(content[16:20], 'big')
    for factory, accept in _readers():
        if accept(content[:16]) is True:
            try:
                with factory(io.BytesIO(content), '') as header:
                    return header.size[::-1]
            except Exception:  # what damaged bytes lead to is anyone's guess
                return None
    return None


@cache
def _readers() -> list[tuple]:
    Image.init()
    return [Image.OPEN[name] for name in FORMATS if name in Image.OPEN]


def excess(content: bytes, limit: int) -> str | None:
    """Say that an image has more pixels than the limit, if so; nothing is decoded for it."""
    height, width = size_of(content) or (0, 0)
    if height * width <= limit:
        return None
    return (
        f'it has {width} x {height} pixels, more than max_pixels={limit}. Cut it into tiles, or '
        'raise max_pixels of the transform that loads it'
    )


# ------------------------------------------------------------------ more than 8 bits


def bit_depth(content: bytes) -> int:
    """Bits of a PNG's or TIFF's channel; of other files, which have 8 as a rule, 8."""
    if content.startswith(PNG):
        return content[24] if len(content) > 24 else 8
    return max(tiff_values(content, BITS_PER_SAMPLE), default=1) if content.startswith(TIFF) else 8


def channels(content: bytes) -> int | None:
    """Channels of a PNG or TIFF as its header says; None of other files."""
    if content.startswith(PNG):
        return PNG_CHANNELS.get(content[25]) if len(content) > 25 else None
    if not content.startswith(TIFF):
        return None
    return max(tiff_values(content, SAMPLES_PER_PIXEL), default=1)


class TiffEntry(NamedTuple):
    """Place of what a TIFF says: 2 bytes of tag, 2 of type, a count, and values or their place."""

    start: int
    word: int  # bytes of a count, and of a place
    order: str  # of bytes

    def number(self, content: bytes, place: int, size: int) -> int:
        return int.from_bytes(content[place : place + size], self.order)


def tiff_entry(content: bytes, tag: int) -> TiffEntry | None:
    """Return the entry of a tag for a file's first image; None if there is none."""
    order = 'little' if content[:1] == b'I' else 'big'
    word, head = (8, 8) if int.from_bytes(content[2:4], order) == 43 else (4, 2)  # BigTIFF, TIFF
    entries = int.from_bytes(content[word : 2 * word], order)
    for k in range(min(int.from_bytes(content[entries : entries + head], order), 1000)):
        found = TiffEntry(entries + head + k * (4 + 2 * word), word, order)
        if found.number(content, found.start, 2) == tag:
            return found
    return None


def tiff_values(content: bytes, tag: int) -> list[int]:
    """Return the small numbers that a TIFF has under a tag; none if it does not have it."""
    entry = tiff_entry(content, tag)
    if entry is None:
        return []
    count, place = entry.number(content, entry.start + 4, entry.word), entry.start + 4 + entry.word
    if 2 * count > entry.word:  # the values do not fit into the entry
        place = entry.number(content, place, entry.word)
    return [entry.number(content, place + 2 * c, 2) for c in range(min(count, 100))]


def as_four_bands(content: bytes) -> bytes:
    """Return a TIFF of four bands as one whose bands OpenCV leaves alone.

    It multiplies the first three by a fourth that is called alpha, and takes one band of four that
    are called grey.
    """
    for tag, value in ((PHOTOMETRIC, 2), (EXTRA_SAMPLES, 0)):  # RGB, and one of no meaning
        entry = tiff_entry(content, tag)
        if entry is not None:
            numbers = (3, 2), (1, entry.word), (value, 2), (0, entry.word - 2)  # 3: of 2 bytes
            said = b''.join(one.to_bytes(size, entry.order) for one, size in numbers)
            start = entry.start + 2
            content = content[:start] + said + content[start + len(said) :]
    return content


def squeezed(content: bytes, loaded: np.ndarray) -> tuple[Range, Range] | None:
    """The stored values' range and the loaded ones', if loading a deep image changed it."""
    if bit_depth(content) <= 8:
        return None
    try:
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        stored = None
    if stored is None:
        return None
    if stored.ndim == 3 and stored.shape[2] == 4:
        stored = stored[..., :3]  # without alpha
    ranges = tuple((values.min().item(), values.max().item()) for values in (stored, loaded))
    return None if ranges[0][1] == ranges[1][1] else ranges


def becomes(ranges: tuple[Range, Range]) -> str:
    (low, high), (new_low, new_high) = ranges
    return f'values {low:g} to {high:g} become {new_low:g} to {new_high:g}'


def warn_if_squeezed(path: str, content: bytes, loaded: np.ndarray) -> None:
    """Once in a run: of what is in a loader's memory, workers see only their own."""
    if _said[0] or bit_depth(content) <= 8:
        return
    ranges = squeezed(content, loaded)
    if ranges:
        _said[0] = 1
        print_log(
            f'The image {path} has {bit_depth(content)} bits a channel and is loaded with 8: its '
            f'{becomes(ranges)}. If these are not what the network should see, save the images '
            'with 8 bits, or set bands (docs/en/datasets.md). semiseg_mm check looks at all; '
            'this is said once.',
            'current',
            level=30,
        )
