import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from semiseg_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackSemiInputs(BaseTransform):
    """mmseg's packing for each named view, with the padding as an explicit valid mask.

    Labels keep the 8 bits that masks have; the data preprocessor widens them on the device.

    After ``MultiView`` all its views are packed; otherwise the sample is the one view ``view``.
    """

    def __init__(self, view: str = 'labeled', meta_keys: tuple = ()) -> None:
        self.view = view
        self.pack = PackSegInputs(meta_keys=())
        self.meta_keys = tuple(meta_keys) or (*PackSegInputs().meta_keys, 'crop_offset')

    def transform(self, results: dict) -> dict[str, dict]:
        views = results.get('views') or {self.view: results}
        return {name: self._pack(view) for name, view in views.items()}

    def _pack(self, results: dict) -> dict:
        label = results.get('gt_seg_map')
        # mmseg's packing makes 64 bits of each label, which are sent and copied eight times as long
        narrow = label is not None and label.dtype == np.uint8 and label.ndim == 2
        own = ('img', 'gt_seg_map') if narrow else ('img',)
        packed = self.pack({key: value for key, value in results.items() if key not in own})
        if narrow:
            packed['data_samples'].gt_sem_seg = to_pixels(label)
        packed['inputs'] = to_channels_first(results['img'])
        for key in self.meta_keys:
            if key in results:  # set_metainfo would copy each deeply
                packed['data_samples'].set_field(results[key], key, field_type='metainfo')
        valid = results.get('valid')
        if valid is None:
            valid = np.ones(results['img'].shape[:2], bool)
        packed['data_samples'].valid = to_pixels(valid)
        if 'confidence' in results:
            packed['data_samples'].confidence = to_pixels(results['confidence'])
        return packed


def to_pixels(values: np.ndarray) -> PixelData:
    """Return a map H,W as a sample holds it, 1,H,W."""
    return PixelData(data=torch.from_numpy(np.ascontiguousarray(values))[None])


def to_channels_first(image: np.ndarray) -> torch.Tensor:
    """H,W or H,W,C → C,H,W; OpenCV's split is ten times as fast as a transposed copy."""
    if image.ndim == 2 or image.shape[2] == 1:
        return torch.from_numpy(np.ascontiguousarray(image.reshape(1, *image.shape[:2])))
    planes = np.empty((image.shape[2], *image.shape[:2]), image.dtype)
    cv2.split(image, list(planes))
    return torch.from_numpy(planes)
