import os
import os.path as osp
import re

import cv2
import mmcv
import numpy as np
from mmseg.datasets import transforms as mmseg_transforms

from semiseg_mm.datasets.backends import fetch, is_remote
from semiseg_mm.errors import BadMask, BrokenMask, UserError
from semiseg_mm.registry import TRANSFORMS

from .image_bytes import MAX_PIXELS, excess


@TRANSFORMS.register_module()
class LoadAnnotations(mmseg_transforms.LoadAnnotations):
    """mmseg's loading, but a mask whose values need more than 8 bits raises :class:`BadMask`.

    There 258 becomes 2 without a word, and no later step can tell. A mask that cannot be read is
    a :class:`BrokenMask`.

    Args:
        max_pixels: As of LoadImage.
        backend_args, kwargs: mmseg's.
    """

    def __init__(
        self, max_pixels: int = MAX_PIXELS, backend_args: dict | None = None, **kwargs
    ) -> None:
        super().__init__(backend_args=backend_args, **kwargs)
        self.max_pixels = max_pixels

    def _load_seg_map(self, results: dict) -> None:
        path, reduce = results['seg_map_path'], results['reduce_zero_label']
        if self.reduce_zero_label not in (None, reduce):
            raise UserError(
                f'LoadAnnotations has reduce_zero_label={self.reduce_zero_label}, but the dataset '
                f'has {reduce}: set it in the dataset only.'
            )
        mask = class_numbers(self._stored(path).squeeze(), path)  # H,W
        table = np.arange(256)
        if reduce:
            table = np.r_[255, :254, 255]
        if results.get('label_map') is not None:
            mapped = np.arange(256)
            for old, new in results['label_map'].items():
                mapped[old : old + 1] = new  # nothing where old is beyond 255
            table = mapped[table]
        if (table != np.arange(256)).any():
            mask = cv2.LUT(mask, table.astype(np.uint8)).reshape(mask.shape)
        results['gt_seg_map'] = mask
        results['seg_fields'].append('gt_seg_map')

    def _stored(self, path: str) -> np.ndarray:
        try:
            content = fetch(path, self.backend_args)
            if reason := excess(content, self.max_pixels):
                raise BrokenMask(path, reason)
            mask = mmcv.imfrombytes(content, flag='unchanged', backend=self.imdecode_backend)
        except UserError:
            raise
        except FileNotFoundError as error:
            reason = str(error) if is_remote(path, self.backend_args) else None
            raise BrokenMask(path, reason or f'there is no such file{_namesake(path)}') from error
        except Exception as error:  # storages and decoders raise what they like
            raise BrokenMask(path, f'{type(error).__name__}: {error}') from error
        if mask is None:
            raise BrokenMask(path, 'it does not decode')
        return mask


def _namesake(path: str) -> str:
    """Say which file is likely the mask that was looked for, and what to do then."""
    folder, name = osp.split(path)
    stem = osp.splitext(name)[0]
    names = sorted(os.listdir(folder)) if osp.isdir(folder) else ()
    found = next((one for one in names if re.match(re.escape(stem) + r'[._-]', one)), None)
    if found is None:
        return ''
    if found == f'{stem}.jpg' or found == f'{stem}.jpeg':
        return f'; {found} is there, but JPEG changes class numbers: save the masks as PNG'
    return f'; {found} is there: set seg_map_suffix={found[len(stem) :]!r} of the dataset'


def class_numbers(mask: np.ndarray, path: str | None) -> np.ndarray:
    """The same values as uint8; values for which there is no such thing name the file."""
    if mask.dtype == np.uint8:
        return mask
    with np.errstate(invalid='ignore'):
        small = mask.astype(np.uint8)
    if not np.array_equal(small, mask):
        raise BadMask(path, f'{mask.dtype} values from {mask.min().item()} to {mask.max().item()}')
    return small
