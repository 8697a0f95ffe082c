import numpy as np
from mmengine.visualization import MLflowVisBackend

from semiseg_mm.registry import VISBACKENDS


@VISBACKENDS.register_module()
class MLflowPngBackend(MLflowVisBackend):
    """Log to MLflow as mmengine's back end does, with pictures as PNG, one for each step.

    mmengine's names them without an ending, at which MLflow stops, and the same at each step.
    """

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs) -> None:
        super().add_image(f'{name}_{step:06d}.png', image, step, **kwargs)
