"""Speed as ratios of things measured side by side in one run: figures that travel."""

import argparse

import cv2
import torch
from mmengine.registry import init_default_scope

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.apis.command import guarded
from semiseg_mm.parsers.benchmark import benchmark

from . import data, labels, models, scale, step

PARTS = dict(data=data, labels=labels, models=models, scale=scale, step=step)


def run_benchmark(argv: list[str] | None = None) -> int:
    return guarded(_run, benchmark().parse_args(argv))


def _run(args: argparse.Namespace) -> None:
    init_default_scope('semiseg_mm')
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    PARTS[args.part].run(args)
