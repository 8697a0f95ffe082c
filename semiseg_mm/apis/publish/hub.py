"""Writes a folder that a model hub takes."""

from __future__ import annotations

import hashlib
import json
import os.path as osp
import re
import shutil
from contextlib import suppress
from pathlib import Path

import torch
from PIL import Image

from semiseg_mm.apis.trained_files import ESSENTIALS, META, MODEL, SAFE
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_path, atomic_write_text, make_folder
from semiseg_mm.version import __version__

from .card import card
from .network import PublishedNetwork

LIBRARY = 'semiseg_mm'
TASK = 'image-segmentation'
LICENCE = re.compile(r'[A-Za-z0-9][A-Za-z0-9.+_-]*')  # an identifier, such as cc-by-4.0


def write_hub(
    published: PublishedNetwork, folder: str, licence: str | None, preview: str | None = None
) -> None:
    """Write weights, config, essentials and card; a file of another kind of weights goes."""
    if licence is None or not LICENCE.fullmatch(licence):
        said = 'is missing' if licence is None else f'{licence} is no identifier'
        raise UserError(
            f'--license {said}: a hub wants to know under which licence the weights may be used, '
            'such as apache-2.0, cc-by-nc-4.0 or other.'
        )
    ending = _check_preview(preview) if preview else None
    make_folder(folder)
    weights = _write_weights(published, folder)
    config = f'{MODEL}.py'
    atomic_write_text(osp.join(folder, config), published.config_text)
    picture = f'preview{ending}' if preview else None
    if preview:
        with atomic_path(osp.join(folder, picture)) as part:
            shutil.copyfile(preview, part)
    digest = hashlib.sha256(Path(folder, weights).read_bytes()).hexdigest()
    text = card(published, weights, config, digest, licence, _front(published, licence), picture)
    atomic_write_text(osp.join(folder, 'README.md'), text)
    essentials = json.dumps(_essentials(published, weights, config, digest), indent=2)
    atomic_write_text(osp.join(folder, ESSENTIALS), essentials + '\n')


def _check_preview(path: str) -> str:
    try:
        with Image.open(path) as image:
            kind = image.format
    except OSError as error:
        raise UserError(f'--preview {path} is no image that can be read ({error}).') from error
    endings = dict(PNG='.png', JPEG='.jpg', WEBP='.webp')
    if kind not in endings:
        raise UserError(f'--preview {path} is a {kind}: pages show PNG, JPEG and WebP.')
    return endings[kind]


def _write_weights(published: PublishedNetwork, folder: str) -> str:
    """Write safetensors where they are installed; return the name of the file."""
    try:
        from safetensors.torch import save_file
    except ImportError:
        save_file = None
    name, other = MODEL + SAFE, f'{MODEL}.pth'
    if save_file is None:
        name, other = other, name
    with atomic_path(osp.join(folder, name)) as part:
        if save_file is None:
            torch.save(dict(state_dict=published.weights, meta=published.meta), part)
        else:  # each tensor has its own memory there
            tensors = {key: value.clone().contiguous() for key, value in published.weights.items()}
            save_file(tensors, part, {'format': 'pt', META: json.dumps(published.meta)})
    with suppress(FileNotFoundError):
        Path(folder, other).unlink()
    return name


def _front(published: PublishedNetwork, licence: str) -> str:
    tags = ['semantic-segmentation', 'semi-supervised', 'mmsegmentation', LIBRARY]
    tags.append(published.training.model.type)
    lines = [f'library_name: {LIBRARY}', f'pipeline_tag: {TASK}', f'license: {licence}', 'tags:']
    return '\n'.join(['---', *lines, *(f'- {tag}' for tag in tags), '---', ''])


def _essentials(published: PublishedNetwork, weights: str, config: str, digest: str) -> dict:
    model, about = published.config.model, published.meta['dataset_meta']
    head = model.get('decode_head') or {}
    head = head[-1] if isinstance(head, (list, tuple)) else head
    names = list(about.get('classes') or ())
    return dict(
        library=LIBRARY,
        library_version=__version__,
        task=TASK,
        architecture=model.type,
        backbone=(model.get('backbone') or {}).get('type'),
        decode_head=head.get('type'),
        num_classes=head.get('num_classes', len(names)),
        id2label={str(k): name for k, name in enumerate(names)},
        palette=about.get('palette'),
        weights=weights,
        weights_sha256=digest,
        config=config,
        method=published.training.model.type,
        network=published.name,
        iterations=published.meta['iter'],
        seed=published.meta['seed'],
        imports=published.needed,
    )
