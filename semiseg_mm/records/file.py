"""Files of records: they are only ever appended to, line by line."""

import json
import os
import os.path as osp
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic

from .form import check_form, identity

NAME = 'records.jsonl'
RESULT = ('chosen', 'scores', 'per_class')
SET_ASIDE = '.old-'  # in the name of a stage's folder that was made anew
# control characters, those that nobody sees, and halves of characters: two names that look alike
# shall not differ in them, and a terminal shall not obey them
HIDDEN = re.compile(
    r'[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]'
)


class Record(NamedTuple):
    """Hold a record and where it stands."""

    facts: dict
    file: str
    line: int

    @property
    def place(self) -> str:
        return f'{self.file}:{self.line}'


def append_records(path: str, records: Iterable[dict]) -> None:
    """Append what the file does not say yet; each line is written at once, or cut off at its end.

    A record whose evaluation the file holds with the same result is left out, so a training that
    repeats a validation after a resume adds nothing.
    """
    known = {identity(found.facts): found.facts for found in _read(path, [])}
    new = [facts for facts in records if not _says(known.get(identity(facts)), facts)]
    if not new:
        return
    text = ''.join(f'{json.dumps(facts)}\n' for facts in new)
    if _ends_within_a_line(path):
        text = f'\n{text}'
    try:
        with open(path, 'a', **atomic.PLAIN) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f'{path} could not be written ({error}). Free some space or correct the permissions, '
            'then run the same command again (a training: with --resume).'
        ) from error


def read_records(
    places: Iterable[str], called: Callable[[str], str] = str
) -> tuple[list[Record], list[str]]:
    """Return all records of files, and of files below folders; and remarks on what is wrong there.

    Of one evaluation the record that a file says last counts. Copies in other files stay.

    Args:
        called: How remarks call a file.
    """
    found: list[Record] = []
    remarks: list[str] = []
    files = {osp.realpath(path): path for place in places for path in _files(place)}
    for path in files.values():
        own: dict[str, Record] = {}
        for record in _read(path, remarks, called(path)):
            before = own.setdefault(identity(record.facts), record).facts
            own[identity(record.facts)] = record
            if record.facts['chosen'] == 'last' and before['scores'] != record.facts['scores']:
                remarks.append(
                    f'{called(path)}:{record.line} replaces an earlier result of the same training '
                    f'({_said(before)} before, {_said(record.facts)} now): the later one counts'
                )
        found += own.values()
    return found, remarks


def _files(place: str) -> list[str]:
    if osp.isfile(place):
        return [place]
    if not osp.isdir(place):
        raise UserError(f'{place} does not exist: name a file {NAME}, or a folder that holds some.')
    found = []
    for folder, below, names in os.walk(place):
        below[:] = sorted(name for name in below if SET_ASIDE not in name)
        if NAME in names:
            found.append(osp.join(folder, NAME))
    if not found:
        raise UserError(f'{place} holds no {NAME}: a training writes it into its work dir.')
    return found


def _said(facts: dict) -> str:
    return ', '.join(f'{name} {value:.2f}' for name, value in facts['scores'].items())


def _read(path: str, remarks: list[str], called: str = '') -> list[Record]:
    if not osp.isfile(path):
        return []
    with open(path, **atomic.PLAIN) as file:
        lines = file.read().split('\n')
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        facts, wrong = _parse(line)
        if wrong is None:
            found.append(Record(facts, path, number))
        elif number == len(lines):
            remarks.append(f'{called}:{number} was cut off while it was written: passed over')
        else:
            remarks.append(f'{called}:{number}: {wrong}: passed over')
    return found


def _parse(line: str) -> tuple[dict, str | None]:
    try:
        facts = json.loads(line)
        if '\\' in line or HIDDEN.search(line):
            facts = _visible(facts)
    except (ValueError, RecursionError) as error:
        return {}, f'it is damaged ({error})'
    return facts, check_form(facts)


def _visible(value: Any) -> Any:
    """Write out what cannot be seen in texts: '\\u200b' as six characters."""
    if isinstance(value, str):
        return HIDDEN.sub(lambda found: f'\\u{ord(found[0]):04x}', value)
    if isinstance(value, list):
        return [_visible(one) for one in value]
    if isinstance(value, dict):
        return {_visible(key): _visible(one) for key, one in value.items()}
    return value


def _says(known: dict | None, facts: dict) -> bool:
    return known is not None and all(known[key] == facts[key] for key in RESULT)


def _ends_within_a_line(path: str) -> bool:
    if not osp.isfile(path) or not osp.getsize(path):
        return False
    with open(path, 'rb') as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b'\n'
