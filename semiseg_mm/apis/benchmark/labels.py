"""Images a second of labelling with a small network, against the loop of published scripts."""

import argparse
import os
import os.path as osp
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image

from semiseg_mm.engine.inference import ImageSource, Predictor, predict_chunks, preprocess_of
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import write_mask

from .data import make_images
from .measure import compare, show

CLASSES, SIZE = 21, (375, 500)
PALETTE = np.random.default_rng(0).integers(0, 256, (CLASSES, 3)).tolist()
MEAN, STD = np.float32([123.675, 116.28, 103.53]), np.float32([58.395, 57.12, 57.375])
NETWORK = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=MEAN.tolist(), std=STD.tolist(), bgr_to_rgb=True
    ),
    backbone=dict(type='FastSCNN'),
    decode_head=dict(
        type='DepthwiseSeparableFCNHead',
        in_channels=128,
        channels=128,
        num_classes=CLASSES,
        in_index=-1,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss'),
    ),
    test_cfg=dict(mode='whole'),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--rounds', type=int, default=5, help='medians are printed')
    parser.add_argument('--images', type=int, default=64, help='files to label')
    parser.add_argument('--batch-size', type=int, default=8)


def run(args: argparse.Namespace) -> None:
    torch.manual_seed(0)
    network = MODELS.build(NETWORK).eval()
    with tempfile.TemporaryDirectory() as folder:
        files = make_images(args.images, SIZE, '.jpg', folder)
        variants = labelling(network, files, args.batch_size, osp.join(folder, 'labels'))
        seconds = compare(args.rounds, *variants.values())
        parts = parts_of_loop(network, files[0], folder)
        alone = compare(5 * args.rounds, *parts.values())
    show(
        f'{SIZE[1]}x{SIZE[0]} JPEG, FastSCNN on CPU, medians of {args.rounds} rounds',
        ('what', 'images a second', 'of the loop'),
        [
            (what, f'{len(files) / own:.1f}', f'{seconds[0] / own:.2f}')
            for what, own in zip(variants, seconds, strict=True)
        ],
    )
    show(
        'One image, one thread: where the time goes',
        ('what', 'milliseconds'),
        [(what, f'{1000 * own:.1f}') for what, own in zip(parts, alone, strict=True)],
    )


def labelling(
    network: torch.nn.Module, files: list[str], batch_size: int, out: str
) -> dict[str, Callable[[], None]]:
    """Each takes all cores, in its own way, and leaves a label map of each file."""
    os.makedirs(out)
    folder = osp.dirname(files[0])
    load = [dict(type='LoadImage')]
    source = ImageSource(dict(type='UnlabeledDataset', img_path=folder, pipeline=load))
    order = {k: range(len(source))[k : k + 32] for k in range(0, len(source), 32)}
    predictor = Predictor(network, preprocess_of(network.data_preprocessor))
    cores = len(getattr(os, 'sched_getaffinity', lambda _: range(os.cpu_count() or 1))(0))

    def write(name: str, label: np.ndarray, _: None) -> None:
        write_mask(osp.join(out, f'{name}.png'), label, PALETTE)

    def ours(workers: int, threads: int, size: int = batch_size) -> None:
        with torch_threads(threads):
            predict_chunks(
                source, order, predictor, write, lambda *_: None, batch_size=size, workers=workers
            )

    def loop(with_metric: bool = True) -> None:
        with torch_threads(cores):
            published_loop(network, files, out, with_metric)

    workers = max(1, cores // 2)
    return {
        'loop: batch of one, one step after the other': loop,
        'the same without the metric': lambda: loop(False),
        f'predict_chunks, no workers, {cores} threads': lambda: ours(0, cores),
        f'predict_chunks, {workers} workers': lambda: ours(workers, max(1, cores - workers)),
    }


def published_loop(
    network: torch.nn.Module, files: list[str], out: str, with_metric: bool = True
) -> None:
    """Decode, predict, score and write one image after the other, each step as commonly written."""
    truth = np.random.default_rng(0).integers(0, CLASSES, SIZE)
    table = np.zeros((CLASSES, CLASSES), np.int64)
    for file in files:
        inputs = load_plainly(file)
        with torch.no_grad():
            label = argmax_plainly(scores_of(network, inputs))
        if with_metric:
            table += score_plainly(label, truth)
            union = table.sum(0) + table.sum(1) - np.diag(table)
            np.nanmean(np.diag(table) / np.maximum(union, 1))
        write_plainly(label, osp.join(out, osp.basename(file)[:-4] + '.png'))


def load_plainly(file: str) -> torch.Tensor:
    with Image.open(file) as image:
        pixels = np.asarray(image.convert('RGB'), np.float32)
    pixels = (pixels - MEAN) / STD
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


def scores_of(network: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    size = tuple(inputs.shape[2:])
    return network.inference(inputs, [dict(ori_shape=size, img_shape=size)])


def argmax_plainly(scores: torch.Tensor) -> np.ndarray:
    return scores.softmax(1).argmax(1)[0].numpy().astype(np.uint8)


def score_plainly(label: np.ndarray, truth: np.ndarray) -> np.ndarray:
    known = (truth >= 0) & (truth < CLASSES)
    cells = CLASSES * truth[known].astype(int) + label[known]
    return np.bincount(cells, minlength=CLASSES**2).reshape(CLASSES, CLASSES)


def write_plainly(label: np.ndarray, path: str) -> None:
    image = Image.fromarray(label)
    image.putpalette(sum(PALETTE, []))
    image.save(path)


def parts_of_loop(
    network: torch.nn.Module, file: str, folder: str
) -> dict[str, Callable[[], object]]:
    truth = np.random.default_rng(0).integers(0, CLASSES, SIZE)
    inputs = load_plainly(file)
    with torch.no_grad():
        scores = scores_of(network, inputs)
        label = argmax_plainly(scores)
    path = osp.join(folder, 'one.png')

    def forward() -> None:
        with torch.inference_mode():
            scores_of(network, inputs)

    return {
        'loop: decode and normalise': lambda: load_plainly(file),
        'network, logits at full size': forward,
        'loop: softmax and argmax': lambda: argmax_plainly(scores),
        'highest class alone': lambda: scores.max(1),
        'loop: metric': lambda: score_plainly(label, truth),
        'loop: write PNG': lambda: write_plainly(label, path),
        'write PNG, whole or not at all': lambda: write_mask(path, label, PALETTE),
    }


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
