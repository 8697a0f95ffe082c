import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import check_range, check_share, draw_box

from .scale_crop import PADDING


@TRANSFORMS.register_module()
class CutOut(BaseTransform):
    """Cut a box out of the image, and out of all that is said about it.

    The box is drawn once: image pixels become noise (or ``fill``), labels ``seg_fill``, and
    ``valid`` False. The defaults are those of ST and ST++.

    Args:
        prob: Probability of a box.
        area: Range of its share of the image.
        ratio: Range of its height over its width, see ``draw_box``.
        fill: A value, or None for random pixels.
    """

    def __init__(
        self,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
        fill: float | None = None,
        seg_fill: int = 255,
    ) -> None:
        check_share('prob', prob, 'CutOut')
        check_range('area', area, 'CutOut', most=1)
        check_range('ratio', ratio, 'CutOut')
        self.prob = prob
        self.area = area
        self.ratio = ratio
        self.fill = fill
        self.seg_fill = seg_fill

    def transform(self, results: dict) -> dict:
        if np.random.rand() >= self.prob:
            return results
        image = results['img'].copy()
        box = draw_box(
            image.shape[:2], lambda: np.random.uniform(*self.area), self.ratio, np.random.rand
        )
        part = image[box]
        if self.fill is None:
            part[...] = np.random.randint(0, 256, part.shape)
        else:
            part[...] = self.fill
        results['img'] = image
        for key in {'gt_seg_map', *results.get('seg_fields', [])} & results.keys():
            results[key] = results[key].copy()
            results[key][box] = PADDING.get(key, self.seg_fill)
        valid = results.get('valid')
        results['valid'] = np.ones(image.shape[:2], bool) if valid is None else valid.copy()
        results['valid'][box] = False
        return results
