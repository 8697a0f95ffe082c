import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

FROM_ONE = (
    ' If the classes are numbered from 1, set reduce_zero_label=True of the labeled and the '
    'validation dataset (0 then is ignored), or make masks with `semiseg_mm new`.'
)
CONVERT_COLOURS = 'convert the masks with `semiseg_mm new` (docs/en/your_own_data.md)'


@TRANSFORMS.register_module()
class CheckLabels(BaseTransform):
    """Stop at a mask that cannot belong to its image or its dataset, naming the file.

    It stands right after the mask is loaded: after cropping, half of the errors are out of sight,
    and the loss would count them as some class or crash on the device.
    """

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        image, mask = results['img'], results['gt_seg_map']
        file = results.get('seg_map_path', results['img_path'])
        _, size = results.get('reduced', (None, image.shape[:2]))
        if mask.ndim == 3:
            raise UserError(
                f'The mask {file} is a mask of colours ({_size(mask)}), but the class number of '
                f'each pixel is needed: {CONVERT_COLOURS}.'
            )
        if mask.shape != size:
            raise UserError(
                f'The mask {file} is {_size(mask)} but its image {results["img_path"]} is '
                f'{_size(image)}: they must have the same size and one channel.'
            )
        if mask.dtype.kind not in 'ui' or (mask.dtype.kind == 'i' and mask.min() < 0):
            raise UserError(
                f'The mask {file} holds {mask.dtype} values, some of them no class numbers: save '
                'it as an 8-bit PNG with the class in each pixel.'
            )
        if mask.dtype == np.uint8:  # a quarter of bincount's time
            counts = cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()
        else:
            counts = np.bincount(mask.ravel())
        counts[self.ignore_index : self.ignore_index + 1] = 0
        classes = results['num_classes']
        bad = np.flatnonzero(counts[classes:]) + classes
        if len(bad):
            raise UserError(
                f'The mask {file} holds the label{"s" if len(bad) > 1 else ""} '
                f'{", ".join(map(str, bad[:8]))}, but the dataset has {classes} classes '
                f'(0 to {classes - 1}) and {self.ignore_index} for ignored pixels: correct the '
                "mask, or the dataset's metainfo.classes and the heads' num_classes."
                + FROM_ONE
                * (bad.tolist() == [classes] and not counts[0])
            )
        return results


def _size(array: np.ndarray) -> str:
    return 'x'.join(map(str, array.shape))
