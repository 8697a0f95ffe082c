"""Writing lists: all or none, never over others unasked."""

import contextlib
import os
import os.path as osp
from collections.abc import Mapping

from semiseg_mm.errors import UserError


def write_lists(lists: Mapping[str, list[str]], overwrite: bool = False) -> list[str]:
    """Write path → lines; returns the paths that changed. Files that differ stop it beforehand."""
    texts = {path: '\n'.join(lines) + '\n' for path, lines in lists.items()}
    try:
        changed = [path for path, text in texts.items() if _current(path) != text]
        others = [path for path in changed if osp.exists(path)]
        if others and not overwrite:
            raise UserError(
                f'{others[0]} is there already and differs'
                + (f', as do {len(others) - 1} others' if len(others) > 1 else '')
                + ': choose another --out, or replace it with --overwrite. Nothing was written.'
            )
        for path in changed:
            os.makedirs(osp.dirname(path) or '.', exist_ok=True)
            part = f'{path}.{os.getpid()}.part'
            try:
                with open(part, 'w', encoding='utf-8', newline='\n') as file:
                    file.write(texts[path])
                os.replace(part, path)
            finally:
                with contextlib.suppress(OSError):
                    os.remove(part)
    except OSError as error:
        raise UserError(f'The lists could not be written: {error}.') from error
    return changed


def _current(path: str) -> str | None:
    if not osp.exists(path):
        return None
    with open(path, encoding='utf-8', errors='replace', newline='') as file:
        return file.read()
