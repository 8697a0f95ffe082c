import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image

from semiseg_mm.datasets.backends import is_remote, is_special, says_missing
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.registry import TRANSFORMS

from .image_bytes import JPEG, MAX_PIXELS, defect, excess, size_of, warn_if_squeezed


@TRANSFORMS.register_module(name=['LoadImage', 'LoadImageFromFile'])
class LoadImage(LoadImageFromFile):
    """mmcv's loading, but a file that is no whole image raises :class:`BrokenImage`.

    Decoders fill what a truncated JPEG lacks with gray and say nothing; here it counts as broken.
    After ``DrawScale`` with a factor of 1/2 or less and no ``antialias``, a JPEG is decoded at 1/2,
    1/4 or 1/8 of its size; ``results['reduced']`` is then (the size it has, the size of the whole).
    Of images with more than 8 bits the lower ones are lost: that is said once in a run.
    A storage that is out of reach says nothing about an image: it is a :class:`UserError`.

    Args:
        max_pixels: An image with more is broken. It is not decoded: that would take gigabytes.
        backend_args, kwargs: mmcv's.
    """

    def __init__(
        self, max_pixels: int = MAX_PIXELS, backend_args: dict | None = None, **kwargs
    ) -> None:
        super().__init__(backend_args=backend_args, **kwargs)
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        path = results['img_path']
        content = self._content(path)
        reason = defect(content) or excess(content, self.max_pixels)
        if reason:
            raise BrokenImage(path, reason)
        whole = results.get('antialias') or not results.get('drawn_scale')
        reduction = self._reduction(content, 1 if whole else results['drawn_scale'])
        try:
            image, shape = self._decode(content, reduction)
        except (Image.DecompressionBombError, MemoryError) as error:
            raise BrokenImage(path, f'it is too large ({error})') from error
        except Exception as error:  # each decoder has its own
            raise BrokenImage(path, 'it does not decode') from error
        if image is None:
            raise BrokenImage(path, 'it does not decode')
        if self.color_type != 'unchanged':
            warn_if_squeezed(path, content, image)
        if reduction > 1:
            results['reduced'] = image.shape[:2], shape
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = shape
        return results

    def _reduction(self, content: bytes, scale: float) -> int:
        how = (self.imdecode_backend, self.color_type)
        if not content.startswith(JPEG) or how != ('cv2', 'color'):
            return 1
        return max(n for n in (1, 2, 4, 8) if n == 1 or scale * n <= 1)

    def _decode(self, content: bytes, reduction: int) -> tuple[np.ndarray | None, tuple[int, int]]:
        """The image (H,W,C), and the size of the whole."""
        if reduction == 1:
            image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
            return image, image.shape[:2]
        flag = getattr(cv2, f'IMREAD_REDUCED_COLOR_{reduction}')
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
        height, width = size_of(content)
        if image is not None and image.shape[0] != -(-height // reduction):
            height, width = width, height  # EXIF turns it
        return image, (height, width)

    def _content(self, path: str) -> bytes:
        if is_special(path, self.backend_args):
            raise BrokenImage(path, 'it is a pipe, a socket or a device, and no file')
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except UserError:
            raise
        except Exception as error:  # each storage has its own
            reason = f'{type(error).__name__}: {error}'
            if is_remote(path, self.backend_args) and not says_missing(error):
                raise UserError(
                    f'The image {path} could not be fetched ({reason}); it was not taken for '
                    'broken. Check the storage and backend_args, then go on (a training: with '
                    '--resume).'
                ) from error
            raise BrokenImage(path, reason) from error
        if content is None:  # LMDB and petrel
            raise BrokenImage(path, 'the storage holds no such file')
        return bytes(content)
