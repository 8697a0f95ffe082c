"""Say what was found, and what to do next."""

from collections import Counter
from shlex import quote

from rich.console import Console
from rich.table import Table

from .classes import IGNORED
from .files import LeftOut
from .labels import Found
from .layout import Part
from .proposal import Proposal

SHOWN = 3  # files of a kind that are named


def print_report(
    config: str,
    found: Found,
    parts: dict[str, Part],
    pixels: dict[str, Counter],
    proposal: Proposal,
    notes: list[str],
    left_out: LeftOut,
    new: bool,
) -> None:
    console = Console(soft_wrap=True, highlight=False)
    counts = {name: len(part.images) for name, part in parts.items()}
    console.print(
        f'{counts["train"]} images with labels to train on, {counts["val"]} to validate, '
        f'{counts["unlabeled"]} without labels ({found.kind}).'
    )
    console.print(_classes(found, pixels))
    absent = [name for k, name in enumerate(found.names) if not pixels['val'][k]]
    if absent:
        notes = [*notes, f'Not in the validation images, so not in the score: {", ".join(absent)}.']
    if found.names == [f'class_{k}' for k in range(len(found.names))]:
        notes = [*notes, 'The classes have no names: write them into the config, or use --classes.']
    for note in (*found.notes, *notes):
        console.print(f'note: {note}', markup=False)
    for why, files in left_out.items():
        more = f' and {len(files) - SHOWN} more' if len(files) > SHOWN else ''
        console.print(f'left out, {why}: {", ".join(files[:SHOWN])}{more}', markup=False)
    console.print(_proposed(proposal), markup=False)
    if proposal.pretrained and not proposal.reachable:
        console.print(
            f'note: the pretrained weights {proposal.pretrained} cannot be fetched from here, so '
            'the config starts without them (init_cfg=None). Where there is internet, write '
            'segmentor=_base_.segmentor instead.',
            markup=False,
        )
    was = 'written' if new else 'there already, and the same'
    console.print(f'\n{config} and its folder are {was}. Next:\n', markup=False)
    model = config.rpartition('/')[2].removesuffix('.py')
    model, config = quote(f'work_dirs/{model}'), quote(config)
    for command, why in (
        (f'semiseg_mm check {config}', 'read every file'),
        (f'semiseg_mm browse {config}', 'draw what the training sees'),
        (f'semiseg_mm train {config}', ''),
        (f'semiseg_mm predict {model} PHOTOS --out labeled', 'label images'),
    ):
        console.print(f'    {command}{f"    # {why}" if why else ""}', markup=False)


def _classes(found: Found, pixels: dict[str, Counter]) -> Table:
    table = Table('class', 'name', 'colour', 'train', 'val')
    for number, (name, colour) in enumerate([*zip(found.names, found.palette), ('ignored', None)]):
        label = IGNORED if colour is None else number
        if colour is None and not pixels['train'][label] + pixels['val'][label]:
            continue
        shown = '#{:02x}{:02x}{:02x}'.format(*colour) if colour is not None else ''
        shares = [_share(pixels[part], label) for part in ('train', 'val')]
        table.add_row(str(label), name, shown, *shares)
    return table


def _share(counts: Counter, label: int) -> str:
    return f'{100 * counts[label] / max(1, counts.total()):.2f} %'


def _proposed(proposal: Proposal) -> str:
    fit = f'images shrunk to {proposal.fit} pixels, ' if proposal.fit else ''
    images = f'{proposal.batch} labeled and as many unlabeled images'
    if proposal.method == 'sup_only':
        images = f'{proposal.batch} labeled images'
    return (
        f'Proposed: {proposal.network} with {proposal.method}, {fit}crops of {proposal.crop[0]}x'
        f'{proposal.crop[1]}, {images} an iteration, {proposal.iterations} iterations.'
    )
