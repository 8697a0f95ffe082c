"""Speed as ratios of things measured side by side in one run: figures that travel."""

import argparse

import cv2
import torch
from mmengine.registry import init_default_scope

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.apis.command import guarded

from . import data, labels, models, scale, step

PARTS = dict(data=data, labels=labels, models=models, scale=scale, step=step)


def run_benchmark(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Print speeds, measured side by side in one run.')
    parts = parser.add_subparsers(dest='part', required=True, metavar='PART')
    for name, part in PARTS.items():
        part.add_arguments(parts.add_parser(name, help=part.__doc__, description=part.__doc__))
    return guarded(_run, parser.parse_args(argv))


def _run(args: argparse.Namespace) -> None:
    init_default_scope('semiseg_mm')
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    PARTS[args.part].run(args)
