"""Whole files are told from cut ones, and images with more than 8 bits are noticed."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image
from torch.utils.data import DataLoader

from semiseg_mm.datasets.transforms import LoadImage, image_bytes
from semiseg_mm.datasets.transforms.image_bytes import bit_depth, defect
from semiseg_mm.errors import BrokenImage

NOISE = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
TRAILER = b'\0\0\0\x18ftypmp42 \xff\xd9\x00\xff\xda some video \xff\xda'


def jpeg(**kwargs) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, 'JPEG', **kwargs)
    return buffer.getvalue()


def with_thumbnail(content: bytes, tail: bytes = b'') -> bytes:
    """An APP1 segment that holds a whole JPEG, as cameras write it."""
    inner = b'Exif\0\0' + cv2.imencode('.jpg', NOISE[:9, :9])[1].tobytes() + tail
    return content[:2] + b'\xff\xe1' + struct.pack('>H', len(inner) + 2) + inner + content[2:]


JPEGS = {
    'baseline': jpeg(),
    'progressive': jpeg(progressive=True),
    'restart markers': cv2.imencode('.jpg', NOISE, [cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1].tobytes(),
    'thumbnail': with_thumbnail(jpeg()),
    'half a thumbnail': with_thumbnail(jpeg(), b'\xff\xda'),
    'fill bytes': jpeg()[:2] + b'\xff\xff' + jpeg()[2:-2] + b'\xff\xff\xff\xd9',
}


def test_the_kinds_are_what_they_are_called():
    assert JPEGS['progressive'].count(b'\xff\xda') > 3
    assert b'\xff\xd3' in JPEGS['restart markers']
    assert JPEGS['thumbnail'].count(b'\xff\xd9') == 2


@pytest.mark.parametrize('trailer', [b'', TRAILER, jpeg()[:-50]], ids=['', 'video', 'half a JPEG'])
@pytest.mark.parametrize('kind', JPEGS)
def test_a_whole_jpeg_passes_whatever_follows_it(kind, trailer, tmp_path):
    content = JPEGS[kind] + trailer
    assert defect(content) is None
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    assert LoadImage()(dict(img_path=str(path)))['img'].shape == NOISE.shape


@pytest.mark.parametrize('kind', JPEGS)
def test_a_jpeg_that_is_cut_off_is_found_wherever_it_is_cut(kind):
    content = JPEGS[kind]
    first = content.rindex(b'\xff\xda') if kind != 'progressive' else content.index(b'\xff\xda')
    for end in range(first + 2, len(content) - 1):
        assert 'cut off' in defect(content[:end]), end


def test_an_end_before_any_scan_ends_nothing():
    content = JPEGS['baseline']
    assert 'cut off' in defect(content[:2] + b'\xff\xd9' + content[2:-50])


def chunks(*names: bytes) -> bytes:
    return b''.join(
        struct.pack('>I', 4) + n + b'data' + struct.pack('>I', zlib.crc32(n)) for n in names
    )


def test_a_png_may_be_followed_by_a_lot_too(tmp_path):
    content = cv2.imencode('.png', NOISE)[1].tobytes()
    path = tmp_path / 'a.png'
    path.write_bytes(content + b'x' * 9000)
    assert np.array_equal(LoadImage()(dict(img_path=str(path)))['img'], NOISE)
    assert 'no IEND' in defect(content[:-9])
    assert 'no IEND' in defect(content[:8] + chunks(b'IHDR', b'IDAT') + b'x' * 9000)


# ------------------------------------------------------------------ more than 8 bits

DEEP = np.arange(4096, dtype=np.uint16).reshape(64, 64)  # 12 bits


def big_tiff(bits: int, channels: int) -> bytes:
    """A header and one directory, with the depths outside it if they are many."""
    values = struct.pack(f'>{channels}H', *[bits] * channels)
    inside = values.ljust(8, b'\0') if channels <= 4 else struct.pack('>Q', 16 + 8 + 2 * 20 + 8)
    entries = struct.pack('>HHQ', 256, 4, 1) + struct.pack('>Q', 7)
    entries += struct.pack('>HHQ', 258, 3, channels) + inside
    head = b'MM\0+' + struct.pack('>HHQ', 8, 0, 16) + struct.pack('>Q', 2)
    return head + entries + bytes(8) + values


def pillow(array, kind='TIFF') -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


DEPTHS = {
    '8-bit PNG': (cv2.imencode('.png', NOISE)[1].tobytes(), 8),
    '16-bit PNG': (cv2.imencode('.png', DEEP)[1].tobytes(), 16),
    '1-bit PNG': (pillow(DEEP > 99, 'PNG'), 1),
    'JPEG': (jpeg(), 8),
    '8-bit TIFF': (pillow(NOISE), 8),
    '16-bit TIFF': (pillow(DEEP), 16),
    '16-bit TIFF, big endian': (pillow(DEEP.astype('>u2')), 16),
    '16-bit TIFF, 3 channels': (cv2.imencode('.tif', np.stack([DEEP] * 3, -1))[1].tobytes(), 16),
    'BigTIFF, 12 bits': (big_tiff(12, 1), 12),
    'BigTIFF, 12 channels': (big_tiff(16, 12), 16),
    'cut TIFF': (pillow(DEEP)[:9], 1),
    'cut PNG': (b'\x89PNG\r\n', 8),
}


@pytest.mark.parametrize('kind', DEPTHS)
def test_the_depth_is_read_from_the_file(kind):
    content, depth = DEPTHS[kind]
    assert bit_depth(content) == depth


@pytest.fixture
def said(monkeypatch):
    """What the logger was told."""
    image_bytes._said[0] = 0
    lines = []
    logger = MMLogger.get_instance('test_image_bytes')
    monkeypatch.setattr(
        type(logger), 'callHandlers', lambda self, record: lines.append(record.getMessage())
    )
    yield lines
    image_bytes._said[0] = 0


def load(path, **kwargs):
    return LoadImage(**kwargs)(dict(img_path=str(path)))['img']


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_it_is_said_once_what_becomes_of_the_values(suffix, said, tmp_path):
    for name in ('a', 'b'):
        cv2.imwrite(str(tmp_path / f'{name}{suffix}'), DEEP)
    assert load(tmp_path / f'a{suffix}').max() == 15  # decoding keeps the upper 8 bits
    load(tmp_path / f'b{suffix}')
    assert len(said) == 1
    assert f'{tmp_path}/a{suffix} has 16 bits a channel' in said[0]
    assert 'values 0 to 4095 become 0 to 15' in said[0]


def test_alpha_does_not_count(said, tmp_path):
    alpha = np.full_like(DEEP, 65535)
    cv2.imwrite(str(tmp_path / 'a.png'), np.stack([DEEP, DEEP, DEEP, alpha], -1))
    load(tmp_path / 'a.png')
    assert 'values 0 to 4095 become 0 to 15' in said[0]


def test_nothing_is_said_of_8_bits_nor_where_nothing_is_lost(said, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), NOISE)
    cv2.imwrite(str(tmp_path / 'b.tif'), NOISE)
    cv2.imwrite(str(tmp_path / 'deep.png'), DEEP)
    load(tmp_path / 'a.png')
    load(tmp_path / 'b.tif')
    assert load(tmp_path / 'deep.png', color_type='unchanged').max() == 4095
    assert not said


class Deep(list):
    def __getitem__(self, index):
        load(super().__getitem__(index))
        return index


def test_workers_that_say_it_say_it_for_all(said, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), DEEP)
    list(DataLoader(Deep([tmp_path / 'a.png'] * 2), num_workers=1))
    assert image_bytes._said[0] == 1 and not said  # another process said it
    load(tmp_path / 'a.png')
    assert not said


def test_a_float_image_is_broken_as_before(said, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.tif'), DEEP.astype(np.float32))
    with pytest.raises(BrokenImage, match='does not decode'):
        load(tmp_path / 'a.tif')
