import cv2
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio

from semiseg_mm.errors import BrokenImage
from semiseg_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's loading, but a file that is no whole image raises :class:`BrokenImage`.

    Decoders fill what a truncated JPEG lacks with gray and say nothing; here it counts as broken.
    """

    def transform(self, results: dict) -> dict:
        path = results['img_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
        except Exception as error:  # each storage has its own
            raise BrokenImage(path, f'{type(error).__name__}: {error}') from error
        defect = _defect(content)
        if defect:
            raise BrokenImage(path, defect)
        try:
            return super().transform(results)
        except (AssertionError, AttributeError, ValueError, OSError, cv2.error) as error:
            raise BrokenImage(path, 'it does not decode') from error


def _defect(content: bytes) -> str | None:
    if not content:
        return 'it is empty'
    if content.lstrip()[:1] == b'<':
        return 'it is a text page (HTML or XML), not an image'
    if content[:2] == b'\xff\xd8' and content.rfind(b'\xff\xd9') < content.rfind(b'\xff\xda'):
        return 'it is cut off: no end of image after the last scan'
    if content[:4] == b'\x89PNG' and b'IEND' not in content[-4096:]:
        return 'it is cut off: no IEND'
    return None
