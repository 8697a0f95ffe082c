import torch
from mmengine.registry import FUNCTIONS
from mmseg.structures import SegDataSample
from torch import Tensor

PIXELS = ('gt_sem_seg', 'valid', 'confidence')  # maps of a sample, 1,H,W each


@FUNCTIONS.register_module()  # in mmengine's own registry: the runner looks nowhere else
def collate_views(batch: list[dict]) -> dict:
    """Return ``{'inputs': {view: B,C,H,W}, 'data_samples': {view: [...]}, 'pixels': {view: ...}}``.

    A labeled sample has the view 'labeled', an unlabeled one 'weak', 'strong', ...: the batch
    has them all, each with the samples that have it, in the order of the batch. ``pixels`` has the
    maps of the samples, ``{'valid': B,1,H,W}`` and so on: few large tensors come from a worker to
    pinned memory and to the device sooner than many small ones. The data preprocessor gives them
    back to the samples. Images or maps of several sizes stay apart, and where they are.
    """
    inputs: dict[str, list] = {}
    data_samples: dict[str, list] = {}
    for sample in batch:
        for view, packed in sample.items():
            inputs.setdefault(view, []).append(packed['inputs'])
            data_samples.setdefault(view, []).append(packed['data_samples'])
    images = {view: stacked(parts) for view, parts in inputs.items()}
    pixels = {view: take_pixels(samples) for view, samples in data_samples.items()}
    return dict(inputs=images, data_samples=data_samples, pixels=pixels)


def stacked(parts: list[Tensor]) -> Tensor | list[Tensor]:
    """Stack tensors; return those of several shapes as they are."""
    return torch.stack(parts) if len({(p.shape, p.dtype) for p in parts}) == 1 else parts


def take_pixels(samples: list[SegDataSample]) -> dict[str, Tensor]:
    """Take the maps out of a view's samples that all of them have, in one size."""
    found = {}
    for name in PIXELS:
        if all(name in sample for sample in samples):
            maps = stacked([sample.get(name).data for sample in samples])
            if isinstance(maps, Tensor):
                found[name] = maps
                for sample in samples:
                    delattr(sample, name)
    return found
