"""Bring images and masks of any kind into the layout that is read here, with a config."""

import os.path as osp
from fractions import Fraction

import numpy as np
import torch

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.split_drawing import draw_order, take
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import datasets
from semiseg_mm.utils import check_choice

from .classes import IGNORED
from .config_file import config_text
from .files import LeftOut, find_images, readable
from .labels import Found, find_labels
from .layout import Part, write_layout
from .proposal import Situation, propose
from .questions import ask
from .report import print_report


def run_new(argv: list[str] | None = None) -> int:
    return guarded(lambda args: make_new(**vars(ask(args))), datasets.new().parse_args(argv))


def make_new(
    images: str,
    masks: str,
    name: str | None = None,
    unlabeled: list[str] = (),
    val_images: str | None = None,
    val_masks: str | None = None,
    val_share: str = '1/5',
    classes: list[str] = (),
    ignore: list[str] = (),
    rest: str = 'background',
    max_rounded: float = 0.05,
    out: str | None = None,
    copy: bool = False,
    device: str | None = None,
) -> str:
    """Write the dataset and its config; returns the config's path."""
    check_choice('rest', rest, ('background', 'ignore'))
    if bool(val_images) != bool(val_masks):
        raise UserError('--val-images and --val-masks go together: give both, or none of them.')
    out, name = _place(name, out)
    folders = [(images, masks)] + ([(val_images, val_masks)] if val_images else [])
    for folder in (*(path for pair in folders for path in pair), *unlabeled):
        _check_apart(folder, out)
    left_out: LeftOut = {}
    found = find_labels(folders, left_out, classes, ignore, rest, max_rounded)
    if len(found.names) < 2:
        raise UserError(
            f'The labels hold one class only ({found.names[0]}): a network needs at least two to '
            'tell apart. Name the background too, or leave --ignore or --rest ignore out.'
        )
    parts, notes = _divide(found, unlabeled, val_share, left_out)
    sizes = [size for labeled in found.folders for size in labeled.sizes.values()]
    counts = len(parts['train'].images), len(parts['unlabeled'].images)
    usual = tuple(int(n) for n in np.median(sizes, axis=0))
    gpu = torch.cuda.is_available() if device is None else device == 'gpu'
    proposal = propose(Situation(*counts, usual, gpu))
    texts = {f'{name}.py': config_text(proposal, found.names, found.palette)}
    pixels, new = write_layout(out, parts, found.palette, texts, copy)
    config = osp.join(out, f'{name}.py')
    print_report(config, found, parts, pixels, proposal, notes, left_out, new)
    return config


def _place(name: str | None, out: str | None) -> tuple[str, str]:
    if not name and not out:
        raise UserError('Give a NAME for the dataset (semiseg_mm new NAME …), or --out FOLDER.')
    out = out or osp.join('data', name)
    name = name or osp.basename(osp.abspath(out))
    if osp.basename(name) != name or not name.strip('.'):
        raise UserError(f'{name!r} is no name of a dataset: leave slashes out, or use --out.')
    return out, name


def _check_apart(source: str, out: str) -> None:
    """Stop if a folder would be written into one that is read."""
    inner, outer = osp.join(osp.realpath(out), ''), osp.join(osp.realpath(source), '')
    if inner.startswith(outer) or outer.startswith(inner):
        raise UserError(
            f'{out} and {source} lie in one another: write to another place with --out, so that '
            'your files stay as they are.'
        )


def _divide(
    found: Found, more: list[str], share: str, left_out: LeftOut
) -> tuple[dict[str, Part], list[str]]:
    """Return the parts train, val and unlabeled, and what is to be said of them."""
    first, notes = found.folders[0], []
    if not first.labels:
        raise UserError(
            f'No labeled image in {first.root} can be used: '
            + '; '.join(f'{why}: {files[0]}' for why, files in left_out.items())
        )
    parts = dict(train=Part(), val=Part(), unlabeled=Part())
    if len(found.folders) > 1:
        val, training = found.folders[1], sorted(first.labels)
        if not val.labels:
            raise UserError(f'No labeled image in {val.root} can be used to validate.')
        validating = sorted(val.labels)
    else:
        val, (training, validating, note) = first, _put_aside(first.labels, share)
        notes.append(note)
    for path in training:
        parts['train'].add(path, first.root, first.labels[path])
    for path in validating:
        parts['val'].add(path, val.root, val.labels[path])
    used = {osp.realpath(path) for folder in found.folders for path in folder.labels}
    rest = [(path, first.root) for path in first.bare]
    rest += [(path, folder) for folder in more for path in find_images(folder, left_out)]
    rest = {
        osp.realpath(path): (path, root) for path, root in rest if osp.realpath(path) not in used
    }
    whole = readable([path for path, _ in rest.values()], left_out)
    for path, root in rest.values():
        if path in whole:
            parts['unlabeled'].add(path, root)
    if len(parts['unlabeled'].images) < 2:
        notes.append(
            'There are fewer than 2 unlabeled images: the config trains on the labels alone. Add '
            'images with --unlabeled.'
        )
    return parts, notes


def _put_aside(labels: dict, share: str) -> tuple[list[str], list[str], str]:
    """Return images to train and to validate with: first those that train, to see each class."""
    try:
        part = Fraction(share)
    except (ValueError, ZeroDivisionError):
        raise UserError(f'--val-share {share}: give a share such as 1/5 or 0.2.') from None
    if not 0 < part < 1:
        raise UserError(f'--val-share {share}: give a share between 0 and 1, such as 1/5.')
    images = sorted(labels)
    if len(images) == 1:
        return (
            images,
            images,
            (
                'The only labeled image trains and validates: the scores then say how well it is '
                'remembered, not how good the network is. Label more images.'
            ),
        )
    seen = {path: set(np.unique(labels[path]()).tolist()) - {IGNORED} for path in images}
    count = max(1, round(part * len(images)))
    chosen = set(take(draw_order([[path] for path in images], [0], seen), len(images) - count))
    aside = [path for path in images if path not in chosen]
    shown = ', '.join(map(osp.basename, aside[:3])) + (', …' if len(aside) > 3 else '')
    return (
        sorted(chosen),
        aside,
        (
            f'Put aside to validate: {len(aside)} of the {len(images)} labeled images ({shown}), '
            'not to train. Scores on so few images are rough.'
        ),
    )
