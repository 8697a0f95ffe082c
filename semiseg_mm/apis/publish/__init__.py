"""Write one network as a plain mmseg model with a model card, or as a folder for a model hub."""

from __future__ import annotations

import argparse
import hashlib
import os.path as osp
import sys
from pathlib import Path

import torch

from semiseg_mm.apis.command import guarded
from semiseg_mm.apis.plain_config import warning_of
from semiseg_mm.apis.trained_files import Files, find_files
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import networks
from semiseg_mm.utils import atomic_path, atomic_write_text, make_folder

from .card import CARD, card
from .hub import write_hub
from .network import PublishedNetwork, take

__all__ = ['publish', 'publish_to_hub', 'run_publish']


def run_publish(argv: list[str] | None = None) -> int:
    parser = networks.publish()
    args = parser.parse_args(argv)
    most = 2 if args.hub else 3
    if not most - 1 <= len(args.names) <= most:
        parser.error(f'{len(args.names)} names are given: the lines above show how many it takes')
    return guarded(_publish, args)


def _publish(args: argparse.Namespace) -> None:
    if args.preview and not args.hub:
        raise UserError('--preview goes into the folder of --hub DIR: give that, too.')
    *source, out = [*args.names, args.hub] if args.hub else args.names
    files = find_files(source[0], None) if len(source) == 1 else Files(source[1], source[0])
    # a run is published as it predicts; who names a checkpoint chooses
    published = take(files, args.network, default=len(source) == 1)
    if args.hub:
        publish_to_hub(published, out, args.license, args.preview)
    else:
        _write(published, out, args.license)


def publish(config: str, checkpoint: str, out: str, network: str | None = None) -> tuple[str, str]:
    """Write ``out`` and its config for mmseg; no trace of this project unless a type is ours."""
    return _write(take(Files(checkpoint, config), network), out)


def publish_to_hub(
    published: PublishedNetwork, folder: str, licence: str | None, preview: str | None = None
) -> None:
    """Write a folder for a model hub, and say what is in it."""
    write_hub(published, folder, licence, preview)
    print(f'{folder} (network {published.name}). Look through its README.md.', file=sys.stderr)
    _tell(published)


def _write(published: PublishedNetwork, out: str, licence: str | None = None) -> tuple[str, str]:
    out = str(Path(out).with_suffix('.pth'))
    config = f'{out[:-4]}.py'
    make_folder(osp.dirname(out) or '.')
    with atomic_path(out) as part:
        torch.save(dict(state_dict=published.weights, meta=published.meta), part)
    atomic_write_text(config, published.config_text)
    digest = hashlib.sha256(Path(out).read_bytes()).hexdigest()
    beside = osp.join(osp.dirname(out), CARD)
    kept = _keep_old(beside)
    text = card(published, osp.basename(out), osp.basename(config), digest, licence)
    atomic_write_text(beside, text)
    print(f'{out} (network {published.name}, sha256 {digest})\n{config}\n{beside}', file=sys.stderr)
    if kept:
        print(f'The card that was there is {kept} now.', file=sys.stderr)
    _tell(published)
    return out, config


def _keep_old(path: str) -> str | None:
    """Put a card aside that is there already: somebody may have written in it."""
    if not osp.exists(path):
        return None
    stem, number = path.removesuffix('.md'), 1
    while osp.exists(f'{stem}.old-{number}.md'):
        number += 1
    Path(path).rename(f'{stem}.old-{number}.md')
    return f'{stem}.old-{number}.md'


def _tell(published: PublishedNetwork) -> None:
    warning = warning_of(published.config)
    if warning:
        print(warning, file=sys.stderr)
    if published.needed:
        print(
            f'It has types that mmseg does not know: it loads where {", ".join(published.needed)} '
            'can be imported (custom_imports).',
            file=sys.stderr,
        )
