"""Images a second of labelling with a small network, against the loop of published scripts."""

import argparse
import os
import os.path as osp
import tempfile
from collections.abc import Callable

import numpy as np
import torch
from mmengine.config import ConfigDict
from PIL import Image

from semiseg_mm.engine.inference import ImageSource, Predictor, predict_labels, preprocess_of
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
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='whole'),
)


def run(args: argparse.Namespace) -> None:
    torch.manual_seed(0)
    network = MODELS.build(ConfigDict(NETWORK)).eval()
    threads = torch.get_num_threads()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        images, out = osp.join(folder, 'images'), osp.join(folder, 'labels')
        os.makedirs(images), os.makedirs(out)
        files = make_images(args.images, SIZE, '.jpg', images)
        variants = labelling(network, files, out, args)
        seconds = compare(args.rounds, *variants.values())
        parts = parts_of_loop(network, files[0], out)
        alone = compare(5 * args.rounds, *parts.values())
    torch.set_num_threads(threads)
    show(
        f'{SIZE[1]}x{SIZE[0]} JPEG, FastSCNN on CPU ({args.threads} threads), medians of '
        f'{args.rounds} rounds',
        ('what', 'images a second', 'of the loop'),
        [
            (what, f'{len(files) / own:.1f}', f'{seconds[0] / own:.2f}')
            for what, own in zip(variants, seconds, strict=True)
        ],
    )
    show(
        'One image: where the time goes',
        ('what', 'milliseconds'),
        [(what, f'{1000 * own:.1f}') for what, own in zip(parts, alone, strict=True)],
    )


def labelling(
    network: torch.nn.Module, files: list[str], out: str, args: argparse.Namespace
) -> dict[str, Callable[[], None]]:
    """Each leaves a label map of each file."""
    folder, load = osp.dirname(files[0]), [dict(type='LoadImage')]
    source = ImageSource(dict(type='UnlabeledDataset', img_path=folder, pipeline=load))
    chunks = {k: range(len(source))[k : k + 32] for k in range(0, len(source), 32)}
    predictor = Predictor(network, preprocess_of(network.data_preprocessor))

    def write(name: str, label: np.ndarray, _: None) -> None:
        write_mask(osp.join(out, f'{name}.png'), label, PALETTE, durable=False)

    def ours(workers: int) -> None:
        predict_labels(source, chunks, predictor, write, lambda *_: None, args.batch_size, workers)

    return {
        'loop: one image, one step after the other': lambda: loop(network, files, out),
        'the same without the metric': lambda: loop(network, files, out, with_metric=False),
        'predict_labels, no workers': lambda: ours(0),
        f'predict_labels, {args.workers} workers': lambda: ours(args.workers),
    }


def loop(network: torch.nn.Module, files: list[str], out: str, with_metric: bool = True) -> None:
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
    image.putpalette(bytes(np.uint8(PALETTE)))
    image.save(path)


def parts_of_loop(network: torch.nn.Module, file: str, out: str) -> dict[str, Callable[[], object]]:
    truth = np.random.default_rng(0).integers(0, CLASSES, SIZE)
    inputs = load_plainly(file)
    with torch.no_grad():
        scores = scores_of(network, inputs)
        label = argmax_plainly(scores)
    path = osp.join(out, 'one.png')

    def forward() -> None:
        with torch.inference_mode():
            scores_of(network, inputs)

    return {
        'loop: decode, normalise': lambda: load_plainly(file),
        'network, logits at full size': forward,
        'loop: softmax and argmax': lambda: argmax_plainly(scores),
        'highest score (predict_labels)': lambda: scores.max(1),
        'loop: metric': lambda: score_plainly(label, truth),
        'loop: write PNG': lambda: write_plainly(label, path),
        'write PNG (predict_labels)': lambda: write_mask(path, label, PALETTE, durable=False),
    }
