import math
import os.path as osp
from collections.abc import Iterable, Iterator

from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils.data import Dataset

from semiseg_mm.datasets.transforms.image_bytes import size_of
from semiseg_mm.registry import WATCHES

from .data import paths_of
from .watch import Watch

HEAD = 1 << 16  # bytes that tell the size of most images


@WATCHES.register_module()
class LargeImages(Watch):
    """Warn of validation images that are far larger than the crop and are seen as a whole.

    Args:
        pixels: So many are much for a network at once.
        images: The sizes of so many images are looked at, in the heads of their files.
    """

    def __init__(self, pixels: int = 4_000_000, images: int = 16) -> None:
        self.pixels, self.images = pixels, images

    def at_start(self, runner: Runner) -> str | None:
        loop = runner.val_loop
        return loop and self.warning(runner.cfg, self._sizes(loop.dataloader.dataset))

    def _sizes(self, dataset: Dataset) -> Iterator[tuple[int, int]]:
        paths = paths_of(dataset)
        for path in paths[:: max(1, len(paths) // self.images)]:
            if not osp.isfile(path):  # on a server, or drawn
                continue
            with open(path, 'rb') as file:
                size = size_of(file.read(HEAD))
            if size:
                yield size

    def warning(self, cfg: Config, sizes: Iterable[tuple[int, int]]) -> str | None:
        """Return what to say of images of these sizes (h, w), if anything."""
        crop = cfg.train_dataloader.dataset.get('crop_size')
        model = cfg.get('model') or {}
        network = model.get('segmentor') or {}
        network = network[0] if isinstance(network, (list, tuple)) else network
        mode = (model.get('test_cfg') or network.get('test_cfg') or {}).get('mode', 'whole')
        steps = cfg.val_dataloader.dataset.get('pipeline') or ()
        if not crop or mode != 'whole' or any(step['type'].startswith('Resize') for step in steps):
            return None
        height, width = (crop, crop) if isinstance(crop, int) else crop
        largest = max(sizes, key=math.prod, default=(0, 0))
        if math.prod(largest) <= max(self.pixels, 4 * height * width):
            return None
        return (
            f'Images of up to {largest[0]}x{largest[1]} are validated as a whole, though training '
            f'sees {height}x{width}: slow, and much memory. Take windows: model.test_cfg=dict('
            f"mode='slide', crop_size=({height}, {width}), "
            f'stride=({2 * height // 3}, {2 * width // 3})).'
        )
