"""Write a folder of images, masks and lists: whole or not at all, and the same each time."""

import contextlib
import filecmp
import os
import os.path as osp
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from semiseg_mm.errors import UserError
from semiseg_mm.utils import write_mask
from semiseg_mm.utils.atomic import PLAIN

Label = Callable[[], np.ndarray]  # makes the label map of an image


@dataclass
class Part:
    """Images of one folder, by their names there, and the label maps of those that have one."""

    images: dict[str, str] = field(default_factory=dict)  # name → path of the source
    labels: dict[str, Label] = field(default_factory=dict)

    def add(self, path: str, root: str, label: Label | None = None) -> None:
        """Take an image, under its path below ``root``; lists go by lines and columns, so names
        get no blanks."""
        name = re.sub(r'[^\w./-]', '_', osp.relpath(path, root).replace('\\', '/'))
        stem, suffix = osp.splitext(name.lstrip('.'))
        name, number = f'{stem}{suffix}', 1
        while name in self.images:
            name, number = f'{stem}_{number}{suffix}', number + 1
        self.images[name] = path
        if label is not None:
            self.labels[name] = label


def write_layout(
    out: str, parts: dict[str, Part], palette: list, texts: dict[str, str], copy: bool
) -> tuple[dict[str, Counter], bool]:
    """Write everything beside ``out``, then rename it.

    Returns the pixels of each class in each part, and whether ``out`` was not there yet.
    """
    out = osp.abspath(out)
    part = osp.join(osp.dirname(out), f'.{osp.basename(out)}.part')
    try:
        os.makedirs(osp.dirname(out), exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        os.mkdir(part)
        pixels = {name: _write_part(part, name, one, palette, copy) for name, one in parts.items()}
        for name, text in texts.items():
            with open(osp.join(part, name), 'w', **PLAIN) as file:
                file.write(text)
        return pixels, _take_place(part, out)
    except OSError as error:
        raise UserError(
            f'{out} could not be written ({error}): free some space, correct the permissions, or '
            'choose another place with --out.'
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_part(root: str, name: str, part: Part, palette: list, copy: bool) -> Counter:
    pixels = Counter()
    for image, source in part.images.items():
        _link(osp.abspath(source), osp.join(root, name, image), copy)
    for image, label in part.labels.items():
        target = osp.join(root, f'{name}_masks', f'{image}.png')
        os.makedirs(osp.dirname(target), exist_ok=True)
        mask = label()
        write_mask(target, mask, palette, durable=False)
        values, counts = np.unique(mask, return_counts=True)
        pixels.update(dict(zip(values.tolist(), counts.tolist())))
    with open(osp.join(root, f'{name}.txt'), 'w', **PLAIN) as file:
        file.writelines(f'{image}\n' for image in sorted(part.images))
    return pixels


def _link(source: str, target: str, copy: bool) -> None:
    os.makedirs(osp.dirname(target), exist_ok=True)
    if not copy:
        with contextlib.suppress(OSError):  # a system without links: a copy
            os.symlink(source, target)
            return
    shutil.copyfile(source, target)


def _take_place(part: str, out: str) -> bool:
    if not osp.lexists(out) or (osp.isdir(out) and not os.listdir(out)):
        if osp.isdir(out):
            os.rmdir(out)
        os.rename(part, out)
        return True
    other = _difference(part, out)
    if other:
        raise UserError(
            f'{out} is there already and holds something else ({other}): nothing was changed. '
            'Choose another NAME or --out, or remove the folder first.'
        )
    return False


def _difference(new: str, old: str) -> str | None:
    """Return the first file in which two folders differ."""
    files = _files(new)
    others = _files(old) if osp.isdir(old) else {}
    for name in sorted(files.keys() ^ others.keys()):
        return name
    for name, path in files.items():
        both = path, others[name]
        linked = [os.readlink(one) if osp.islink(one) else None for one in both]
        if linked[0] != linked[1] or (linked[0] is None and not filecmp.cmp(*both, shallow=False)):
            return name
    return None


def _files(folder: str) -> dict[str, str]:
    walk: Iterable = os.walk(folder)
    paths = [osp.join(base, name) for base, _, names in walk for name in names]
    return {osp.relpath(path, folder): path for path in sorted(paths)}
