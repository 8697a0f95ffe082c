from __future__ import annotations

import time
from typing import Any

import rich.progress as bar
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from rich import get_console

EVERY = 60  # seconds between lines where there is no terminal


class Progress:
    """Images a second and the time that is left: a bar on a terminal, else a line a minute.

    Of several processes the first one speaks, of its own share.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.bar: bar.Progress | None = None
        if is_main_process() and get_console().is_terminal:
            self.bar = bar.Progress(
                bar.BarColumn(),
                bar.MofNCompleteColumn(),
                bar.TextColumn('{task.fields[speed]:.1f} images/s, left'),
                bar.TimeRemainingColumn(),
                refresh_per_second=2,
                transient=True,
            )

    def __enter__(self) -> Progress:
        self.started = self.told = time.monotonic()
        if self.bar is not None:
            self.bar.start()
            self.task = self.bar.add_task('', total=self.total, speed=0.0)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        speed = self.done / max(1e-9, now - self.started)
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, speed=speed)
        elif self.done and is_main_process() and now - self.told >= EVERY:
            self.told = now
            left = (self.total - self.done) / speed / 60
            print_log(
                f'{self.done} of {self.total} images, {speed:.1f} a second, {left:.0f} min left',
                'current',
            )
