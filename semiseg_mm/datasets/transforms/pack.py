import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from semiseg_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackSemiInputs(BaseTransform):
    """mmseg's packing for each named view, with the padding as an explicit valid mask.

    After ``MultiView`` all its views are packed; otherwise the sample is the one view ``view``.
    """

    def __init__(self, view: str = 'labeled', meta_keys: tuple = ()) -> None:
        self.view = view
        self.pack = PackSegInputs(meta_keys=tuple(meta_keys)) if meta_keys else PackSegInputs()

    def transform(self, results: dict) -> dict[str, dict]:
        views = results.get('views') or {self.view: results}
        return {name: self._pack(view) for name, view in views.items()}

    def _pack(self, results: dict) -> dict:
        packed = self.pack(results)
        valid = results.get('valid')
        if valid is None:
            valid = np.ones(results['img'].shape[:2], bool)
        valid = torch.from_numpy(np.ascontiguousarray(valid))[None]  # 1,H,W
        packed['data_samples'].valid = PixelData(data=valid)
        return packed
