"""Finds the two files that a trained network consists of, and reads its weights."""

from __future__ import annotations

import json
import os.path as osp
from pathlib import Path
from typing import NamedTuple

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.resuming import newest_resumable
from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import WEIGHTS

# the files in a folder for a hub: config.json, model.py, and model.safetensors or model.pth
ESSENTIALS, MODEL, SAFE = 'config.json', 'model', '.safetensors'
META = 'semiseg_mm'  # what a safetensors file says of itself


class Files(NamedTuple):
    """The two files that a trained network consists of."""

    checkpoint: str
    config: str


def find_files(path: str, config: str | None) -> Files:
    """Return the checkpoint and config that a path or a shipped network's name stands for."""
    path = _place(path)
    for_hub = _of_hub(path)
    if for_hub:
        return Files(for_hub.checkpoint, config or for_hub.config)
    if osp.isdir(path):
        folder = _last_training(path)
        checkpoint, skipped = newest_resumable(folder)
        checkpoint = checkpoint or _published_in(path)
        if checkpoint is None:
            said = f' ({skipped[0][1]})' if skipped else ''
            raise UserError(
                f'{path} holds no checkpoint iter_N.pth that loads{said}, and no published model: '
                'name the work dir of a training, or a checkpoint (.pth).'
            )
    elif osp.isfile(path) and path.endswith('.py'):
        raise UserError(
            f'{path} is a config, which has no weights: name the work dir of its training, or a '
            'checkpoint (.pth).'
        )
    elif osp.isfile(path):
        folder, checkpoint = osp.dirname(path), path
    else:
        raise UserError(
            f'{path} does not exist: name a work dir, a checkpoint (.pth), or a network that comes '
            f'with the package ({", ".join(shipped())}).{nearest(path, shipped())}'
        )
    return Files(checkpoint, config or _config_beside(folder or '.', checkpoint))


def shipped() -> list[str]:
    """Return the names of the trained networks that come with the package."""
    return sorted(path.parent.relative_to(WEIGHTS).as_posix() for path in WEIGHTS.rglob('*.pth'))


def checkpoint_of(path: str) -> str:
    """Return the file that a work dir, a published folder or a shipped network stands for."""
    place = _place(path)
    if not osp.isdir(place):
        return path
    file = find_files(place, None).checkpoint
    if file.endswith(SAFE):
        raise UserError(
            f'{file} cannot be tested: name a checkpoint (.pth) of its training, or publish that '
            'without --hub.'
        )
    return file


def _place(path: str) -> str:
    """Return the folder of a shipped network, unless there is something of that name here."""
    return path if osp.exists(path) or path not in shipped() else str(WEIGHTS / path)


def _of_hub(folder: str) -> Files | None:
    """Return the files of a folder that ``publish --hub`` wrote; None if it is no such folder."""
    config = osp.join(folder, f'{MODEL}.py')
    if not (osp.isfile(config) and osp.isfile(osp.join(folder, ESSENTIALS))):
        return None
    found = [osp.join(folder, MODEL + ending) for ending in (SAFE, '.pth')]
    return next((Files(path, config) for path in found if osp.isfile(path)), None)


def _published_in(folder: str) -> str | None:
    """Return the model in a folder that ``publish`` wrote it to; None if there is none."""
    found = sorted(path for path in Path(folder).glob('*.pth') if path.with_suffix('.py').is_file())
    if len(found) > 1:
        names = ', '.join(path.name for path in found)
        raise UserError(f'{folder} holds several models ({names}): name the file of one.')
    return str(found[0]) if found else None


def read_weights(checkpoint: str) -> tuple[dict, dict]:
    """Return the weights that a file holds, and what it says of them."""
    if checkpoint.endswith(SAFE):
        return _read_safetensors(checkpoint)
    content = safe_load(checkpoint)
    return content.get('state_dict', content), content.get('meta') or {}


def _read_safetensors(checkpoint: str) -> tuple[dict, dict]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise UserError(f'{checkpoint} needs safetensors: pip install safetensors.') from error
    try:
        with safe_open(checkpoint, 'pt') as file:
            meta = json.loads((file.metadata() or {}).get(META, '{}'))
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise UserError(
            f'{checkpoint} cannot be read ({error}): take it from where it came once more.'
        ) from error


def _last_training(folder: str) -> str:
    """Of a run in stages the folder of the last training that has a checkpoint."""
    if newest_resumable(folder)[0] is not None:
        return folder
    stages = [
        path for path in sorted(Path(folder).glob('[0-9][0-9]_*')) if '.old-' not in path.name
    ]
    trained = [path for path in stages if newest_resumable(str(path))[0] is not None]
    return str(trained[-1]) if trained else folder


def _config_beside(folder: str, checkpoint: str) -> str:
    """The config of a published model has its name; that of a run is named in results.json."""
    own = f'{osp.splitext(checkpoint)[0]}.py'
    if osp.isfile(own):
        return own
    found = sorted(Path(folder).glob('*.py'))
    record = Path(folder, 'results.json')
    if len(found) > 1 and record.is_file():
        try:
            name = json.loads(record.read_text()).get('config')
        except (ValueError, AttributeError):
            name = None
        found = [path for path in found if path.name == name] or found
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise UserError(
            f'{checkpoint} needs its config, and beside it is {names}: name it with --config.'
        )
    return str(found[0])
