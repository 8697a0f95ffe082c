"""A step of each method against SupOnly, and skipping against replaying."""

import argparse
from collections.abc import Callable

from semiseg_mm.datasets import SourceRatioSampler
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

from .measure import compare, show

METHODS = {
    'SupOnly': dict(type='SupOnly'),
    'Mean Teacher': dict(type='MeanTeacher'),
    'CPS': dict(type='CPSSegmentor'),
    'CPS + CutMix': dict(
        type='CPSSegmentor', mixer=dict(type='BoxMix', boxes=3), covers='unlabeled'
    ),
}


def run(args: argparse.Namespace) -> None:
    rows = [*methods(args.rounds), skipping(args.rounds)]
    show(
        f'Medians of {args.rounds} rounds, one thread',
        ('what', 'compared with', 'ratio of seconds'),
        [(what, reference, f'{ratio:.3g}') for what, reference, ratio in rows],
    )


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
