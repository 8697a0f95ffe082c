import copy
from collections.abc import Callable, Iterable
from functools import cache

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.structures import SegDataSample
from torch import Tensor

from semiseg_mm.datasets.collate import PIXELS, stacked, take_pixels
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS

PADDED = (*PIXELS, 'gt_edge_map', 'gt_depth_map')


@MODELS.register_module()
class SemiDataPreprocessor(BaseDataPreprocessor):
    """Do what the network's own preprocessor does, with all views of a training batch at once.

    A fixed ``size`` would silently pad small crops back up; training batches are stacked as they
    are (and padded to ``size_divisor`` if the network asks for one). ``valid`` is False on all
    padding. Nothing waits for the device: batches are copied to it beside the computations of the
    iteration before, and labels become numbers of 64 bits there. Outside training the network's
    preprocessor is used unchanged.

    Args:
        network: Config of the wrapped network's preprocessor.
    """

    def __init__(self, network: dict | None = None) -> None:
        super().__init__()
        network = copy.deepcopy(network or dict(type='SegDataPreProcessor'))
        self.network = MODELS.build(network)
        plain = type(self.network) is SegDataPreProcessor and not self.network.batch_augments
        self.by_view = None if plain else MODELS.build(_unsized(network))

    def forward(self, data: dict, training: bool = False) -> dict:
        if not training or not isinstance(data['inputs'], dict):
            return self.network(data, training)
        images = {view: _whole(view, parts) for view, parts in data['inputs'].items()}
        samples = {view: [_renewed(s) for s in own] for view, own in data['data_samples'].items()}
        pixels = data.get('pixels') or {view: take_pixels(own) for view, own in samples.items()}
        images, pixels = self._moved(images, pixels)
        inputs = self._normalised(images) if self.by_view is None else self._by_network(images)
        for view, own in samples.items():
            size = images[view].shape[-2:]
            padding = self._padding(size)
            maps = {name: self._widened(name, x, padding) for name, x in pixels[view].items()}
            for number, sample in enumerate(own):
                self._fill(sample, {name: x[number] for name, x in maps.items()}, size, padding)
        return dict(inputs=inputs, data_samples=samples)

    def recoloured(self, images: Tensor, colours: Callable[[Tensor], Tensor] | None) -> Tensor:
        """Return normalised images B,C,H,W, changed by something that takes values from 0 to 1.

        It is shown RGB, whichever order the network has. None changes nothing.
        """
        if colours is None:
            return images
        if self.by_view is not None:
            raise UserError(
                f"Colours cannot be changed after {type(self.network).__name__}: only mmseg's "
                'SegDataPreProcessor says how it normalises. Change them in train_dataloader.'
                'dataset.views (StrongView).'
            )
        network = self.network
        mean, std = (network.mean, network.std) if network._enable_normalize else (0.0, 1.0)
        flipped = images.shape[1] == 3 and not network._channel_conversion
        shown = (images * std + mean) / 255
        shown = colours(shown.flip(1) if flipped else shown)
        return ((shown.flip(1) if flipped else shown) * 255 - mean) / std

    # ------------------------------------------------------------------ to the device

    def _moved(self, images: dict, pixels: dict) -> tuple[dict, dict]:
        """Copy to the device, on a GPU beside what it computes."""
        if self.device.type != 'cuda':
            return self._copied(images), {view: self._copied(own) for view, own in pixels.items()}
        beside, now = copying_stream(self.device), torch.cuda.current_stream(self.device)
        with torch.cuda.stream(beside):
            images = self._copied(images)
            pixels = {view: self._copied(own) for view, own in pixels.items()}
        now.wait_stream(beside)
        for own in (images, *pixels.values()):
            for tensor in own.values():
                tensor.record_stream(now)  # its memory is not given away before it was read
        return images, pixels

    def _copied(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: x.to(self.device, non_blocking=True) for name, x in tensors.items()}

    # ------------------------------------------------------------------ as mmseg does

    def _normalised(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Normalise and pad; views of one size together."""
        found: dict[str, Tensor] = {}
        for shape in dict.fromkeys((x.shape[1:], x.dtype) for x in images.values()):
            own = {view: x for view, x in images.items() if (x.shape[1:], x.dtype) == shape}
            together = torch.cat([*own.values()])
            if self.network._channel_conversion and together.shape[1] == 3:
                together = together.flip(1)
            together = together.float()
            if self.network._enable_normalize:
                together = together.sub_(self.network.mean).div_(self.network.std)
            padding = self._padding(together.shape[2:])
            together = padded(together, padding, self.network.pad_val)
            found.update(zip(own, together.split([len(x) for x in own.values()]), strict=True))
        return {view: found[view] for view in images}

    def _by_network(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Let a preprocessor of another kind prepare the images of each view."""
        found = {}
        for view, own in images.items():
            data = dict(inputs=list(own), data_samples=[SegDataSample() for _ in own])
            found[view] = self.by_view(data, True)['inputs']
        return found

    def _padding(self, size: Iterable[int]) -> tuple[int, int, int, int]:
        """Return what is missing on the right and at the bottom to a multiple of size_divisor."""
        divisor = getattr(self.network, 'size_divisor', None) or 1
        height, width = (-side % divisor for side in size)
        return 0, width, 0, height

    def _widened(self, name: str, maps: Tensor, padding: tuple[int, ...]) -> Tensor:
        maps = maps.long() if name == 'gt_sem_seg' else maps
        return padded(maps, padding, self.network.seg_pad_val if name.startswith('gt_') else 0)

    def _fill(self, sample: SegDataSample, maps: dict, size: torch.Size, padding: tuple) -> None:
        """Give a sample its maps, and the sizes that heads may ask for."""
        for name, value in list(sample.items()):  # what is not stacked
            if isinstance(value, PixelData):
                own = value.to(self.device, non_blocking=True)
                if name in PADDED:
                    own = PixelData(data=self._widened(name, own.data, padding))
                sample.set_field(own, name)
        for name, value in maps.items():
            sample.set_field(PixelData(data=value), name)
        sizes = dict(img_shape=size, padding_size=padding)
        sizes['pad_shape'] = sample.gt_sem_seg.shape if 'gt_sem_seg' in sample else None
        for name, value in sizes.items():
            sample.set_field(value, name, field_type='metainfo')


def padded(x: Tensor, padding: tuple[int, ...], value: float) -> Tensor:
    return F.pad(x, padding, value=value) if any(padding) else x


def _unsized(network: dict) -> dict:
    """Return the config of a preprocessor that stacks a batch without padding it to one size."""
    sizes = dict(size=None) if 'size' in network else {}
    return dict(network, **sizes, size_divisor=network.get('size_divisor') or 1)


@cache
def copying_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream on which batches are copied."""
    return torch.cuda.Stream(device)


def _whole(view: str, parts: Tensor | list[Tensor]) -> Tensor:
    """Return the images of a view as one tensor."""
    found = parts if isinstance(parts, Tensor) else stacked(parts)
    if isinstance(found, Tensor):
        return found
    raise UserError(
        f"Images of the view '{view}' differ in shape within a batch: "
        f'{sorted({tuple(image.shape) for image in parts})}. Crop them to one size (ScaleCrop '
        'does).'
    )


def _renewed(sample: SegDataSample) -> SegDataSample:
    """Return a sample with the same fields, which may change; mmengine would copy each deeply."""
    found = SegDataSample()
    for kind, items in (('metainfo', sample.metainfo_items()), ('data', sample.items())):
        for name, value in items:
            found.set_field(value, name, field_type=kind)
    return found
