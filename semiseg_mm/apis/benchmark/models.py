"""Speed as ratios of things measured side by side in one run: figures that travel."""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.datasets import SourceRatioSampler
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

METHODS = {
    'SupOnly': dict(type='SupOnly'),
    'Mean Teacher': dict(type='MeanTeacher'),
    'CPS': dict(type='CPSSegmentor'),
    'CPS + CutMix': dict(
        type='CPSSegmentor', mixer=dict(type='BoxMix', boxes=3), covers='unlabeled'
    ),
}


def run_benchmark(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Print speed ratios, measured in one run.')
    parser.add_argument('--rounds', type=int, default=15, help='of each pair; medians are printed')
    parser.add_argument('--size', type=int, nargs=2, default=(1024, 2048), metavar=('H', 'W'))
    parser.add_argument('--crop', type=int, default=800)
    args = parser.parse_args(argv)
    init_default_scope('semiseg_mm')
    torch.set_num_threads(1)
    table = Table(title=f'Medians of {args.rounds} rounds, one thread', title_justify='left')
    for column in ('what', 'compared with', 'ratio of seconds'):
        table.add_column(column)
    for what, reference, ratio in (
        geometry(args.rounds, tuple(args.size), args.crop),
        *methods(args.rounds),
        skipping(args.rounds),
    ):
        table.add_row(what, reference, f'{ratio:.3g}')
    Console().print(table)
    return 0


def compare(rounds: int, *variants: Callable[[], object]) -> list[float]:
    """Median seconds of each variant. They take turns, so that the machine's moods hit all."""
    seconds: list[list[float]] = [[] for _ in variants]
    for number in range(rounds + 1):
        for own, variant in zip(seconds, variants, strict=True):
            np.random.seed(number)
            torch.manual_seed(number)
            start = time.perf_counter()
            variant()
            own.append(time.perf_counter() - start)
    return [statistics.median(own[1:]) for own in seconds]  # the first round warms up


def geometry(rounds: int, size: tuple[int, int], crop: int) -> tuple[str, str, float]:
    """Random scale, crop, flip and padding: one warp against mmseg's four transforms."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    label = image[..., 0] % 19
    ours = Compose([dict(type='ScaleCrop', crop_size=crop, scale=(0.5, 2.0))])
    theirs = Compose(
        [
            dict(type='RandomResize', scale=size[::-1], ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type='RandomCrop', crop_size=(crop, crop)),
            dict(type='RandomFlip', prob=0.5),
            dict(type='Pad', size=(crop, crop)),
        ]
    )

    def sample(pipeline: Compose) -> dict:
        return pipeline(
            dict(img=image, gt_seg_map=label, seg_fields=['gt_seg_map'], img_shape=size)
        )

    own, other = compare(rounds, lambda: sample(ours), lambda: sample(theirs))
    name = f'ScaleCrop, {size[0]}x{size[1]} to {crop}'
    return name, "mmseg's RandomResize, RandomCrop, RandomFlip, Pad", own / other


def methods(rounds: int) -> list[tuple[str, str, float]]:
    """Forward and backward on the same batch of 4 + 4 images, against SupOnly."""
    batch = toy_batch(labeled=4, unlabeled=4, size=64)

    def step(config: dict) -> Callable[[], object]:
        model = MODELS.build(dict(config, segmentor=toy_network(channels=24))).train()
        data = model.data_preprocessor(batch, True)
        return lambda: model.parse_losses(model(**data, mode='loss'))[0].backward()

    first, *others = compare(rounds, *map(step, METHODS.values()))
    names = list(METHODS)
    return [(f'{n}, loss', f'{names[0]}, loss', s / first) for n, s in zip(names[1:], others)]


def skipping(rounds: int, iterations: int = 2000) -> tuple[str, str, float]:
    """To move the request stream on against drawing (not even loading) what was seen."""

    class Sources:
        num_labeled, num_unlabeled = 1323, 9259

        def __len__(self) -> int:
            return self.num_labeled + self.num_unlabeled

    def stream() -> SourceRatioSampler:
        return SourceRatioSampler(Sources(), labeled=2, unlabeled=2, seed=0)

    def skip() -> None:
        sampler = stream()
        sampler.skip(4 * iterations)
        next(iter(sampler))

    def replay() -> None:
        requests = iter(stream())
        for _ in range(4 * iterations + 1):
            next(requests)

    own, other = compare(min(rounds, 3), skip, replay)
    return f'resume at iteration {iterations}: skip', 'draw all requests again', own / other
