"""Write a page about a training, which needs no other file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from semiseg_mm.apis.command import guarded
from semiseg_mm.errors import UserError
from semiseg_mm.page import render
from semiseg_mm.parsers import report
from semiseg_mm.utils import atomic_write_text, check_count
from semiseg_mm.utils.places import short_path

from .blocks import Section
from .facts import tests, what_ran
from .gallery import image_sections
from .looks import Networks
from .run import Run, read_run
from .sections import (
    classes,
    curves,
    environment,
    pictures,
    problems,
    scores,
    section,
    state,
    warnings,
)
from .stages import one_stage, overview

NAME = 'report.html'
TEMPLATE = Path(__file__).parent / 'page.html'


def run_report(argv: list[str] | None = None) -> int:
    return guarded(_report, report.report().parse_args(argv))


def _report(args: argparse.Namespace) -> None:
    for name in ('images', 'most'):
        check_count(f'--{name}', getattr(args, name), 'report')
    folder = Path(args.work_dir)
    run = read_run(folder)
    out = Path(args.out) if args.out else folder / NAME
    if out.suffix != '.html' or out.is_dir():
        raise UserError(f'--out {out} is no name of a page: end it in .html.')
    networks = None
    if not args.no_network:
        networks = Networks(folder, args.most, args.device)
    text = page_of(run, networks, args.images)
    atomic_write_text(str(out), text)
    print(
        f'{short_path(out)} is written ({len(text.encode()) / 1e6:.1f} MB): open it in a browser.'
    )


def page_of(run: Run, networks: Networks | None, images: int) -> str:
    """Return the page of a run; without its networks it shows what the files hold."""
    config = run.config_name.removesuffix('.py') or run.folder.resolve().name
    seed = f', seed {run.results["seed"]}' if run.results.get('seed') is not None else ''
    return render(
        TEMPLATE,
        title=f'{config}{seed}',
        about=[state(run)],
        sections=list(_sections(run, networks, images)),
    )


def _sections(run: Run, networks: Networks | None, images: int) -> Iterator[Section]:
    yield section('What ran', what_ran, run)
    yield section('Scores', scores, run)
    tested = section('Tests', tests, run)
    if tested.blocks:
        yield tested
    if run.stages:
        yield section('Stages', overview, run)
        for stage in run.stages:
            yield section(f'Stage {stage.folder.name}', one_stage, stage)
    else:
        yield section('Curves', curves, run)
    yield section('Classes', classes, run)
    if networks is not None:
        yield from image_sections(networks, images)
    if not run.stages:
        yield section('What the training saw', pictures, run)
    yield section('Warnings', warnings, run)
    yield section('Environment and settings', environment, run)
    damaged = section('Files that cannot be read', problems, run)
    if damaged.blocks:
        yield damaged
