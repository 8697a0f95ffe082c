import json
import os
import os.path as osp
import re
import time
import zlib
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.logging import print_log

from semiseg_mm.engine.keys import differences, plain
from semiseg_mm.engine.versions import package_versions
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_write_text, check_record, make_folder, read_record

from .plan import Task

MANIFEST = 'manifest.json'


class Stage:
    """Do one step of a staged run: a training, or an action on many images.

    Its folder holds all that it makes, and a manifest: what the result depends on (``key``), and
    whether it is finished. A finished stage is skipped, an unfinished one goes on. If the key
    differs, the old folder is put aside (renamed, not deleted) and the stage starts anew.

    Args:
        name: Of the stage, unique in the run.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r'[\w.-]+', name):
            raise UserError(f"A stage's name becomes that of its folder, which '{name}' cannot be.")
        self.name = name

    def bind(self, run, number: int) -> None:
        """Tell the stage its run and its place in it, from 1 on."""
        self.run = run
        self.folder = osp.join(run.work_dir, f'{number:02d}_{self.name}')
        self.path = lambda *parts: osp.join(self.folder, *parts)

    # ------------------------------------------------------------------ what a kind of stage says

    def check(self) -> None:
        """Complain about options now rather than after hours; the earlier stages are known."""

    def check_data(self) -> None:
        """Complain about data; called before the first stage starts, but not by a test."""

    def task(self) -> Task:
        """Return what the plan says of this stage."""
        return Task(f'runs {type(self).__name__}')

    @abstractmethod
    def key(self) -> dict[str, Any]:
        """Return plain values that decide the result: settings, fingerprints of what is used."""

    @abstractmethod
    def execute(self) -> dict:
        """Do the work, going on where an earlier call was cut off. All processes call it.

        Returns what the manifest shall say of the result.
        """

    @abstractmethod
    def damage(self) -> str | None:
        """Say why a finished stage has to be executed once more, if so (a file is gone, say)."""

    def results(self) -> Sequence[str]:
        """Return files that other stages may name."""
        return []

    def files(self) -> Sequence[str]:
        """Return files whose checksums the manifest keeps."""
        return self.results()

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a hash of the result as it lies in the folder now."""

    # ------------------------------------------------------------------ the same for all

    def __call__(self) -> None:
        decision = [None]
        if is_main_process():
            try:
                decision[0] = self._decide()
            except (UserError, FileNotFoundError) as error:  # all processes must hear of it
                decision[0] = ('error', str(error))
        broadcast_object_list(decision)
        state, text = decision[0]
        if state == 'error':
            raise UserError(text)
        self._say(text)
        if state == 'done':
            return
        started = time.time()
        result = self.execute()
        barrier()
        if is_main_process():
            manifest = self.manifest()
            seconds = manifest.get('seconds', 0) + time.time() - started
            manifest.update(status='done', seconds=round(seconds, 1), result=result)
            manifest['files'] = {name: checksum(self.path(name)) for name in self.files()}
            self._write(manifest)
        barrier()
        self._say(f'done: {_in_words(result)}')

    def _decide(self) -> tuple[str, str]:
        """Return what is to be done, and what to tell; make the folder ready for it."""
        key, manifest = plain(self.key()), self.manifest()
        changed = list(differences(manifest['key'], key)) if manifest else []
        if changed:
            more = '; …' if len(changed) > 4 else ''
            text = f'{"; ".join(changed[:4])}{more}: {self._put_aside()}'
        elif not manifest and self._holds_something():
            text = f'has a folder without {MANIFEST}, so it is unknown whose: {self._put_aside()}'
        elif not manifest:
            text = 'starts'
        elif manifest['status'] == 'done':
            damage = self.damage()
            if damage is None:
                return 'done', f'already done ({_in_words(manifest["result"])}){self._replaced()}'
            text = f'{damage}: is mended'
        else:
            text = 'goes on'
        make_folder(self.folder)
        if changed or not manifest:
            manifest = dict(key=key, seconds=0)  # of the calls that came to their end
        self._write(dict(manifest, status='running', name=self.name, versions=package_versions()))
        return 'todo', text

    def _replaced(self) -> str:
        """Name whole files that are others than the stage wrote: what used them is made again."""
        written = self.manifest().get('files', {})
        others = [name for name in written if checksum(self.path(name)) != written[name]]
        return f'; {", ".join(others)} was put there since' if others else ''

    def manifest(self) -> dict:
        advice = f'move {self.folder} away to do this stage again'
        path = self.path(MANIFEST)
        found = read_record(path, advice, dict(key=dict, status=str, seconds=(int, float)))
        if found.get('status') == 'done':
            check_record(found, path, advice, dict(result=dict, files=dict))
        return found

    def is_begun(self) -> bool:
        """Return whether an earlier call has begun this stage."""
        return osp.exists(self.path(MANIFEST))

    def seconds_taken(self) -> float | None:
        """Return how long a finished stage took; None if it is not finished, or unreadable."""
        try:
            found = self.manifest()
        except (UserError, OSError):  # its turn will tell
            return None
        return found['seconds'] if found.get('status') == 'done' else None

    def _write(self, manifest: dict) -> None:
        atomic_write_text(self.path(MANIFEST), json.dumps(manifest, indent=1) + '\n')

    def _put_aside(self) -> str:
        number = 1
        while osp.exists(aside := f'{self.folder}.old-{number}'):
            number += 1
        os.rename(self.folder, aside)
        return f'starts anew, the old folder is now {osp.basename(aside)}'

    def _holds_something(self) -> bool:
        """Return whether there is more than a call leaves that is cut off in its first manifest."""
        if not osp.isdir(self.folder):
            return False
        return any(name != f'.{MANIFEST}.part' for name in os.listdir(self.folder))

    def _say(self, text: str) -> None:
        if is_main_process():
            print_log(f'Stage {osp.basename(self.folder)} {text}.', self.run.logger)


def checksum(path: str) -> list[int] | None:
    """Return [bytes, crc32] of a file; None if it is not there."""
    if not osp.isfile(path):
        return None
    size = crc = 0
    with open(path, 'rb') as file:
        while content := file.read(1 << 24):
            size, crc = size + len(content), zlib.crc32(content, crc)
    return [size, crc]


def _in_words(result: dict) -> str:
    return ', '.join(f'{key} {value}' for key, value in result.items())
