"""Look at each sample of a dataset, and gather what was seen."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio

from semiseg_mm.datasets.backends import is_remote
from semiseg_mm.datasets.mask_reading import IGNORED
from semiseg_mm.datasets.transforms import LoadBands
from semiseg_mm.datasets.transforms.check import CONVERT_COLOURS
from semiseg_mm.datasets.transforms.image_bytes import TIFF, Range, bit_depth, channels, squeezed
from semiseg_mm.errors import BadMask, BrokenImage, BrokenMask, UserError

DEEP = ('.png', '.tif', '.tiff')  # what can have more than 8 bits


@dataclass
class Findings:
    """What was seen in one source; ``errors`` would stop or spoil a training."""

    source: str
    count: int = 0
    sizes: Counter = field(default_factory=Counter)
    channels: Counter = field(default_factory=Counter)
    labels: Counter = field(default_factory=Counter)  # pixels of each value
    squeezed: dict[str, tuple[Range, Range]] = field(default_factory=dict)  # by image
    dropped: list[str] = field(default_factory=list)  # images with a fourth channel
    errors: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def error(self, kind: str, file: str) -> None:
        self.errors.setdefault(kind, []).append(file)


def look(results: dict, pipeline: Callable) -> dict:
    """One sample, loaded as its pipeline loads it, or the reason why it cannot be."""
    seen = dict(image=results['img_path'], mask=results.get('seg_map_path'))
    try:
        for transform in getattr(pipeline, 'transforms', ()):
            if type(transform).__name__.startswith('Load'):  # the whole image is looked at
                results = transform(results)
                scaled = isinstance(transform, LoadBands)  # by the range that the config names
                if isinstance(transform, LoadImageFromFile) and not scaled:
                    deep, seen['dropped'] = _lost(seen['image'], transform, results['img'])
                    seen['squeezed'] = deep
    except BrokenImage as error:
        return dict(seen, unreadable=error.reason)
    except BrokenMask as error:
        return dict(seen, unreadable=f'mask {error.path}: {error.reason}')
    except BadMask as error:
        return dict(seen, overflow=error.values)
    except UserError:  # a server that is out of reach says nothing of the file
        raise
    except Exception as error:  # readers of masks raise what they like
        what = f'mask {seen["mask"]}: ' if 'img' in results else ''
        return dict(seen, unreadable=f'{what}{type(error).__name__}')
    if 'img' in results:
        seen['shape'] = results['img'].shape
    if 'gt_seg_map' in results:
        seen['mask_shape'] = results['gt_seg_map'].shape
        values, counts = np.unique(results['gt_seg_map'], return_counts=True)
        seen['labels'] = dict(zip(values.tolist(), counts.tolist()))
    return seen


def _lost(
    path: str, transform: LoadImageFromFile, image: np.ndarray
) -> tuple[tuple[Range, Range] | None, bool]:
    """What loading drops: bits (the ranges of the values before and after), a fourth channel."""
    if is_remote(path, transform.backend_args):  # to be fetched a second time
        whole = path.lower().endswith(DEEP)
        head = b''
    else:
        with open(path, 'rb') as file:
            head = file.read(32)
        whole = bit_depth(head) > 8 or head.startswith(TIFF)
    if whole:
        head = fileio.get(path, backend_args=transform.backend_args)
    kept = image.shape[2] if image.ndim == 3 else 1
    dropped = kept == 3 and (channels(head) or 0) > 3
    return squeezed(head, image) if whole else None, dropped


def add_look(findings: Findings, look: dict, classes: int) -> None:
    findings.count += 1
    if 'unreadable' in look:
        findings.error('cannot be read', f'{look["image"]} ({look["unreadable"]})')
        return
    if look.get('squeezed'):
        findings.squeezed[look['image']] = look['squeezed']
    if look.get('dropped'):
        findings.dropped.append(look['image'])
    if 'overflow' in look:
        findings.error(
            'masks whose values 8 bits cannot hold (save them as 8-bit PNG, one class number a '
            'pixel)',
            f'{look["mask"]} ({look["overflow"]})',
        )
        return
    if 'shape' not in look:  # the pipeline loads in a way of its own
        return
    height, width, *channels = look['shape']
    findings.sizes[f'{height}x{width}'] += 1
    findings.channels[channels[0] if channels else 1] += 1
    if 'labels' not in look:
        return
    name = look['mask'] or look['image']
    if len(look['mask_shape']) == 3:
        findings.error(f'masks of colours ({CONVERT_COLOURS})', name)
        return
    findings.labels.update(look['labels'])
    if look['mask_shape'] != (height, width):
        findings.error('mask and image differ in size', name)
    wrong = sorted(v for v in look['labels'] if not 0 <= v < classes and v != IGNORED)
    if wrong:
        findings.error(f'labels outside 0 … {classes - 1}', f'{name} ({wrong[:6]})')
    if set(look['labels']) == {IGNORED}:
        findings.error('nothing but ignored pixels', name)
