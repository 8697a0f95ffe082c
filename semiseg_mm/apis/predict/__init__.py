"""Label images and videos with a trained network."""

from __future__ import annotations

import argparse
import contextlib
import json
import os.path as osp
import re
from collections.abc import Iterator
from typing import Any

from semiseg_mm.apis.command import guarded
from semiseg_mm.apis.label_exchange.coco_export import export_labels
from semiseg_mm.engine.inference import ImageSource, predict_labels
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.parsers import networks
from semiseg_mm.utils import atomic_write_text, check_share, counted

from .inputs import ImageFiles, Inputs, find_inputs
from .network import TrainedNetwork, load
from .outputs import LABELS, Outputs
from .video import frame_name, predict_video

__all__ = ['TrainedNetwork', 'load', 'predict', 'run_predict']

CHUNK = 64  # images; what is written of a chunk is reported together
NO_MEMORY = re.compile(r"can't allocate memory|out of memory")


def run_predict(argv: list[str] | None = None) -> int:
    args = networks.predict().parse_args(argv)
    return guarded(_predict, args)


def _predict(args: argparse.Namespace) -> None:
    for name, least in (('batch_size', 1), ('workers', 0)):
        if getattr(args, name) < least:
            raise UserError(f'--{name.replace("_", "-")} must be at least {least}.')
    check_share('--opacity', args.opacity)
    inputs = find_inputs(args.sources, args.out)
    if args.coco and not (inputs.images or args.frames):
        raise UserError('--coco describes images, and frames where --frames is given: add it.')
    network = load(args.model, args.config, args.network, args.scales, args.flip, args.device)
    with memory_named():
        record = predict(
            network,
            inputs,
            args.out,
            confidence=args.confidence,
            overlays=not args.no_overlays,
            opacity=args.opacity,
            frames=args.frames,
            batch_size=args.batch_size,
            workers=args.workers,
        )
    if args.coco:
        export_labels(
            osp.join(args.out, LABELS),
            osp.join(args.out, 'labels.json'),
            network.classes,
            network.palette,
            overwrite=True,
            names=_names(inputs, record, args.frames),
        )


def _names(inputs: Inputs, record: dict, frames: bool) -> dict[str, str]:
    """Return the label maps that were written, with what COCO calls the image of each."""
    broken = {item['image'] for item in record['broken']}
    names = {
        name: name + osp.splitext(path.split('?')[0] if '://' in path else path)[1]
        for name, path in inputs.images.items()
        if path not in broken
    }
    for video, count in record['videos'].items() if frames else ():
        names.update((frame_name(video, k), f'{frame_name(video, k)}.png') for k in range(count))
    return names


@contextlib.contextmanager
def memory_named() -> Iterator[None]:
    """Say in a sentence that memory does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(str(error)):
            raise
        raise UserError(
            'The memory does not suffice for the largest image: take --batch-size 1, a scale below '
            '1 (--scales 0.5), a network that looks through windows (test_cfg of its config), or '
            'cut the image into tiles.'
        ) from error


def predict(
    network: TrainedNetwork,
    inputs: Inputs,
    out: str,
    confidence: bool = False,
    overlays: bool = True,
    opacity: float = 0.5,
    frames: bool = False,
    batch_size: int = 4,
    workers: int = 2,
) -> dict:
    """Label all images and videos; return what ``predictions.json`` says of them."""
    bands = network.bands
    if inputs.videos and bands and (bands.count, bands.bits) != (3, 8):
        first = next(iter(inputs.videos.values()))
        raise UserError(
            f'{first}: a video has 3 bands of 8 bits, the network takes {bands.count} of '
            f'{bands.bits}.'
        )
    outputs = Outputs(
        out, inputs.images, inputs.videos, network.palette, network.picture, overlays, opacity
    )
    record: dict[str, Any] = dict(
        network=str(network.source), classes=list(network.classes), palette=network.palette
    )
    _write(outputs.record, record)  # whose the folder is, should the call be cut off
    videos, broken = {}, []
    for name, path in inputs.videos.items():
        try:
            videos[name] = predict_video(path, name, network, outputs, batch_size, frames)
        except BrokenImage as error:
            broken.append((path, error.reason))
    lost = []
    if inputs.images:
        lost = _predict_images(network, inputs, outputs, confidence, batch_size, workers)
        broken += [(inputs.images[name], reason) for name, reason in lost]
    record.update(
        images=len(inputs.images) - len(lost),
        videos=videos,
        broken=[dict(image=path, reason=reason) for path, reason in broken],
        left_out=inputs.left_out,
    )
    _write(outputs.record, record)
    _tell(record, out)
    if broken and not (record['images'] or videos):
        raise UserError(f'Not one file of {len(broken)} can be read.')
    return record


def _write(path: str, record: dict) -> None:
    atomic_write_text(path, json.dumps(record, indent=1) + '\n')


def _predict_images(
    network: TrainedNetwork,
    inputs: Inputs,
    outputs: Outputs,
    confidence: bool,
    batch_size: int,
    workers: int,
) -> list[tuple[str, str]]:
    """Returns names and reasons of the images that cannot be read."""
    names = list(inputs.images)
    source = ImageSource(
        dict(type=ImageFiles, files=list(inputs.images.values()), pipeline=network.steps)
    )
    source.ids = names  # what they are called below the folder that was given
    chunks = {
        number: range(start, min(start + CHUNK, len(names)))
        for number, start in enumerate(range(0, len(names), CHUNK))
    }
    broken: list[tuple[str, str]] = []
    predict_labels(
        source,
        chunks,
        network.predictor,
        outputs.write,
        lambda number, written, lost: broken.extend(lost),
        batch_size=batch_size,
        workers=workers,
        with_confidence=confidence,
    )
    return broken


def _tell(record: dict, out: str) -> None:
    for item in record['broken']:
        print(f'Cannot be read: {item["image"]} ({item["reason"]})')
    if record['left_out']:
        first = ', '.join(map(osp.basename, record['left_out'][:3]))
        left = record['left_out']
        print(f'No images or videos: {counted(len(left), "file")}, such as {first}.')
    frames = sum(record['videos'].values())
    parts = [counted(record['images'], 'image')] if record['images'] or not frames else []
    if frames:
        parts.append(f'{counted(frames, "frame")} of {counted(len(record["videos"]), "video")}')
    print(f'{out}: {" and ".join(parts)} labeled by {record["network"]}.')
