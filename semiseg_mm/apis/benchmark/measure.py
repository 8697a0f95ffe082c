import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.table import Table


def compare(
    rounds: int, *variants: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Median seconds of each variant. They take turns, so that the machine's moods hit all."""
    seconds: list[list[float]] = [[] for _ in variants]
    for number in range(rounds + 1):
        for own, variant in zip(seconds, variants, strict=True):
            np.random.seed(number)
            torch.manual_seed(number)
            start = clock()
            variant()
            own.append(clock() - start)
    return [statistics.median(own[1:]) for own in seconds]  # the first round warms up


def alternate(rounds: int, steps: int, *variants: Callable[[], object]) -> list[float]:
    """Return the median seconds of a step of each variant. They take turns, some steps each.

    Without a GPU they are seconds of this process, which others that run beside it do not lengthen.
    """

    def repeated(variant: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(steps):
                variant()
            if torch.cuda.is_available():
                torch.cuda.synchronize()

        return run

    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    found = compare(rounds, *map(repeated, variants), clock=clock)
    return [seconds / steps for seconds in found]


def show(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify='left')
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
