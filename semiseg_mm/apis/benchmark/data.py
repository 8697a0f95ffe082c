"""Images a second from file to views, against decoding alone and against resizing whole images.

Seconds are those of the processor: other programs on the machine count little.
"""

import argparse
import glob
import os.path as osp
import tempfile
import time
from collections.abc import Iterator

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Compose
from PIL import Image

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

from .measure import compare, show

SCALE = (0.5, 2.0)
SUFFIXES = ('.jpg', '.jpeg', '.png')
STRONG = [dict(type='StrongView')]
VIEWS = [
    dict(type='MultiView', views=dict(weak=[], strong1=STRONG, strong2=STRONG)),
    dict(type='PackSemiInputs'),
]


def run(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for name, files, crop in sources(args, temporary):
            show(
                f'{name}; CPU time of one core, medians of {args.rounds} rounds',
                ('what', 'images a second', 'of decoding'),
                measure(files, crop, args.rounds),
            )


def sources(args: argparse.Namespace, temporary: str) -> Iterator[tuple[str, list[str], int]]:
    """(name, files, crop) of what is measured."""
    if args.folder:
        files = sorted(f for f in glob.glob(osp.join(args.folder, '*.*')) if f.endswith(SUFFIXES))
        if not files:
            raise UserError(f'No image ({", ".join(SUFFIXES)}) found in {args.folder}.')
        files = files[:: -(-len(files) // args.images)]
        yield f'{osp.basename(osp.normpath(args.folder))}, crop {args.crop}', files, args.crop
        return
    for height, width, suffix, crop in ((360, 480, '.jpg', 321), (1024, 2048, '.png', 801)):
        files = make_images(args.images, (height, width), suffix, temporary)
        yield f'{width}x{height} {suffix[1:].upper()}, crop {crop}', files, crop


def make_images(count: int, size: tuple[int, int], suffix: str, folder: str) -> list[str]:
    """Images that are about as hard to decode as photographs: noise of all scales."""
    rng, files = np.random.default_rng(0), []
    for number in range(count):
        image = np.full((*size, 3), 128, np.float32)
        for level in range(2, 9):
            coarse = rng.normal(size=(2**level, 2**level, 3)).astype(np.float32)
            image += 96 / 2 ** (0.7 * (level - 1)) * cv2.resize(coarse, size[::-1])
        image += rng.normal(size=image.shape)
        files.append(osp.join(folder, f'{number}_{size[0]}{suffix}'))
        cv2.imwrite(files[-1], image.clip(0, 255).astype(np.uint8))
    return files


@TRANSFORMS.register_module()
class PillowDecode(BaseTransform):
    """As most published loaders read an image."""

    def transform(self, results: dict) -> dict:
        with Image.open(results['img_path']) as image:
            results['img'] = np.asarray(image.convert('RGB'))
        return results


def measure(files: list[str], crop: int, rounds: int) -> list[tuple[str, ...]]:
    whole = [  # what published code does: all of the image is resized, then most is thrown away
        dict(type='RandomResize', scale=size_of(files[0]), ratio_range=SCALE, keep_ratio=True),
        dict(type='RandomCrop', crop_size=(crop, crop)),
        dict(type='RandomFlip', prob=0.5),
        dict(type='Pad', size=(crop, crop)),
    ]
    load = [dict(type='LoadImage')]
    plain, antialiased = (
        [dict(type='ScaleCrop', crop_size=crop, scale=SCALE, antialias=on)] for on in (False, True)
    )
    pipelines = {
        'decode (LoadImage)': load,
        'decode (Pillow)': [dict(type='PillowDecode')],
        'scale and crop': [*load, *plain],
        'scale and crop, antialiased': [*load, *antialiased],
        "scale and crop, mmseg's transforms": [*load, *whole],
        'weak + 2 strong views': [*load, *plain, *VIEWS],
        'weak + 2 strong views, antialiased': [*load, *antialiased, *VIEWS],
    }

    def through(pipeline: Compose) -> None:
        for file in files:
            pipeline(dict(img_path=file, seg_fields=[]))

    built = [Compose(pipeline) for pipeline in pipelines.values()]
    variants = [lambda p=p: through(p) for p in built]
    seconds = compare(rounds, *variants, clock=time.process_time)
    return [
        (what, f'{len(files) / own:.1f}', f'{seconds[0] / own:.2f}')
        for what, own in zip(pipelines, seconds, strict=True)
    ]


def size_of(file: str) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size
