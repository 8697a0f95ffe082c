from collections.abc import Mapping

from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from semiseg_mm.registry import WATCHES
from semiseg_mm.utils import unwrapped

from .watch import Mean, Watch


@WATCHES.register_module()
class FewImages(Watch):
    """Warn of BatchNorm layers that take their statistics from few images at a time.

    What passes through the layers is counted until the first log. Layers in eval mode do not count;
    SyncBN has the images of all processes.

    Args:
        images: The least number of images that is enough.
    """

    def __init__(self, images: int = 4) -> None:
        self.images = images
        self._handles: list = []
        self._least: dict[nn.Module, int] = {}  # images, by layer

    def at_start(self, runner: Runner) -> None:
        if (getattr(runner, 'cfg', None) or {}).get('compile'):
            return  # a compiled model would be compiled again without the hooks
        for module in unwrapped(runner.model).modules():
            if isinstance(module, _BatchNorm):
                self._handles.append(module.register_forward_pre_hook(self._count))

    def _count(self, layer: nn.Module, inputs: tuple) -> None:
        if layer.training:
            shared = get_world_size() if isinstance(layer, nn.SyncBatchNorm) else 1
            images = len(inputs[0]) * shared
            self._least[layer] = min(images, self._least.get(layer, images))

    def at_log(self, runner: Runner, means: Mapping[str, Mean]) -> str | None:
        while self._handles:
            self._handles.pop().remove()
        least, self._least = list(self._least.values()), {}
        return self.warning(least)

    def warning(self, least: list[int]) -> str | None:
        """Return what to say of the fewest images that each trained layer sees."""
        few = [number for number in least if number < self.images]
        if not few:
            return None
        takes = 'layer takes its' if len(few) == 1 else 'layers take their'
        images = f'{min(few)} image{"s" if min(few) > 1 else ""}'
        return (
            f'{len(few)} BatchNorm {takes} statistics from {images} at a time, so these '
            "are noisy. Try norm_cfg=dict(type='SyncBN') on several GPUs, more images in "
            'train_dataloader.sampler, model.joint_forward=True (views share a forward), or '
            'norm_eval=True of a pretrained backbone.'
        )
