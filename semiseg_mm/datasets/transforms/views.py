import copy

import numpy as np
from mmcv.transforms import BaseTransform, Compose

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

MARKS = ('img_shape', 'scale_factor', 'flip', 'flip_direction')  # left by geometric transforms
IMMUTABLE = (str, int, float, tuple)


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """One image, one geometry, several named views.

    What stands before it in the pipeline is shared; each view's own pipeline then gets a copy and
    may change pixels, not places: ``MultiView(views=dict(weak=[], strong=[dict(type=...)]))``.
    """

    def __init__(self, views: dict[str, list]) -> None:
        self.views = {name: Compose(pipeline) for name, pipeline in views.items()}

    def transform(self, results: dict) -> dict:
        views = {}
        shape = results['img'].shape
        marks = [results.get(key) for key in MARKS]
        for name, pipeline in self.views.items():
            views[name] = pipeline({key: _copied(value) for key, value in results.items()})
            moved = [views[name].get(key) for key in MARKS] != marks
            if moved or views[name]['img'].shape != shape:
                raise UserError(
                    f"View '{name}' flips, scales or crops ({shape} to "
                    f'{views[name]["img"].shape}): put geometric transforms before MultiView.'
                )
        return dict(views=views)


def _copied(value):
    """Copy arrays and containers; a deep copy of all takes longer than a view."""
    if isinstance(value, np.ndarray):
        return value.copy()
    return value if value is None or isinstance(value, IMMUTABLE) else copy.copy(value)
