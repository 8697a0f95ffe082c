"""Id lists in any family's format."""

import re
from pathlib import Path
from typing import NamedTuple

from mmengine.logging import print_log

from semiseg_mm.errors import UserError

SUFFIX = re.compile(r'\.(jpe?g|png|bmp|tiff?|webp|npy)$', re.IGNORECASE)
KIND = re.compile(r'_(leftImg8bit|gt(Fine|Coarse)(_\w+)?)$')  # Cityscapes: which file of an id
VOC = re.compile(r'\d{4}_\d{6}')
CITYSCAPES = re.compile(r'[a-z-]+_\d{6}_\d{6}')
PAIR = re.compile(rf'(.+?{SUFFIX.pattern[:-1]})\s*[\s,;]\s*\S.*', re.IGNORECASE)
IMPOSSIBLE = re.compile(r'[\x00-\x1f<>{}"|*?\ufffd\udc80-\udcff]')
PLAIN = re.compile(r'[^\s,;#<>{}"|*?\x00-\x1f\ufffd\udc80-\udcff]+')  # a lone path: most lines


class IdList(NamedTuple):
    """What a list holds: each id once, in order, with its path as written (no suffix)."""

    ids: list[str]
    paths: list[str]
    duplicates: list[str]
    blank_lines: int


def plain_id(path: str) -> str:
    """``2007_000032`` or ``jena_000078_000019``: no folder, no suffix, no kind of file."""
    return bare_path(path).rsplit('/', 1)[-1]


def bare_path(path: str) -> str:
    """A path without suffix and without the kind of file that Cityscapes appends."""
    return KIND.sub('', SUFFIX.sub('', path.replace('\\', '/')))


def read_list(file: str | Path) -> IdList:
    """Read a list, whatever its separators, folders, suffixes and line ends.

    The first column counts. Others must look like paths of images, like the same id again, like
    numbers, or be None (UniMatch V2: no mask); empty lines and lines that begin with # are passed
    over. An id is the bare name. Where two folders hold an image of one name, and it is none of VOC
    or Cityscapes, the folders stay in all ids.
    """
    try:
        data = Path(file).read_bytes()
    except FileNotFoundError:
        raise UserError(f'The id list {file} does not exist.') from None
    except OSError as error:
        raise UserError(f'The id list {file} cannot be read: {error}.') from error
    paths, names, blank = [], [], 0
    for number, line in enumerate(_lines(list_text(data)), 1):
        first, good = line, True
        if not PLAIN.fullmatch(line):
            line = line.strip()
            blank += not line
            if not line or line[0] == '#':
                continue
            first, rest = _columns(line)
            good = not IMPOSSIBLE.search(first) and _plausible(first, rest)
        path = bare_path(first)
        name = path.rsplit('/', 1)[-1]
        if not good or not name.strip('. '):
            raise UserError(
                f'{file}, line {number}, holds no image id: {line[:60]!r}. A line is an id or a '
                'path, and may go on with the path of a mask.'
            )
        paths.append(path)
        names.append(name)
    if not paths:
        raise UserError(f'The id list {file} is empty: it needs one image a line.')
    ids = paths if _ambiguous(paths, names) else names
    if len(set(ids)) == len(ids):
        return IdList(ids, paths, [], blank)
    seen: dict[str, str] = {}
    duplicates = []
    for one, where in zip(ids, paths):
        if one in seen:
            duplicates.append(one)
        seen.setdefault(one, where)
    return IdList(list(seen), list(seen.values()), duplicates, blank)


def list_text(data: bytes) -> str:
    """A list's text; bytes that are no UTF-8 stay what they are in file names of this machine."""
    if data[:2] in (b'\xff\xfe', b'\xfe\xff'):
        return data.decode('utf-16', errors='replace')
    return data.decode(errors='surrogateescape').removeprefix('\ufeff')


def first_columns(text: str) -> list[str]:
    """The first column of a list's lines as it stands there, for those who look for files.

    It reads what ``read_list`` reads, and does not ask what a name or another column looks like.
    """
    found = []
    for line in _lines(text.removeprefix('\ufeff')):
        if not PLAIN.fullmatch(line):
            line = line.strip()
            if not line or line[0] == '#':
                continue
            first, rest = _columns(line)
            likely = '\t' in line or _plausible(first, rest)
            line = first if likely else line.split()[0]
        found.append(line)
    return found


def read_ids(path: str | Path) -> list[str]:
    """The plain ids of a list, in order, each once; repeated ones are logged."""
    found = read_list(path)
    if found.duplicates:
        print_log(f'{path}: {name_some(found.duplicates, "repeated")}', 'current', level=30)
    return found.ids


def image_key(one: str) -> str:
    name = plain_id(one)
    return name if VOC.fullmatch(name) or CITYSCAPES.fullmatch(name) else bare_path(one)


def _ambiguous(paths: list[str], names: list[str]) -> bool:
    """Whether a name stands for images of two folders (``x`` and ``a/x`` may be one image)."""
    if len(set(names)) == len(set(paths)):
        return False
    longest: dict[str, str] = {}
    for path, name in zip(paths, names):
        if VOC.fullmatch(name) or CITYSCAPES.fullmatch(name):
            continue
        short, long = sorted((path, longest.get(name, path)), key=len)
        if short != long and not long.endswith('/' + short.lstrip('/')):
            return True
        longest[name] = long
    return False


def _lines(text: str) -> list[str]:
    return text.replace('\r\n', '\n').removesuffix('\n').replace('\r', '\n').split('\n')


def _columns(line: str) -> tuple[str, list[str]]:
    """A line's first column and the others; a name with spaces needs its suffix, or tabs."""
    if '\t' in line:
        first, *rest = (column.strip() for column in line.split('\t'))
    elif len(words := line.split()) == 2 and SUFFIX.search(words[0]):
        first, rest = words[0], words[1:]
    elif pair := PAIR.fullmatch(line):
        first = pair[1]
        rest = [line[len(first) :].strip(' ,;')]
    else:
        first, *rest = [column for column in re.split(r'[\s,;]+', line) if column] or ['']
        if rest and SUFFIX.search(line) and plain_id(rest[-1]) != plain_id(first):
            first, rest = line, []
    return first, rest


def _plausible(first: str, rest: list[str]) -> bool:
    """Whether the other columns look like a mask's path, a number, None, or the same id again."""
    for column in filter(None, rest):
        known = SUFFIX.search(column) or re.fullmatch(r'[-+]?\d+|None', column)
        if not known and plain_id(column) != plain_id(first):
            return False
    return True


def name_some(ids: list[str], what: str) -> str:
    ids = list(dict.fromkeys(ids))
    if len(ids) == 1:
        return f'one id is {what}: {ids[0]}'
    return f'{len(ids)} ids are {what}: {", ".join(ids[:3])}{", …" if len(ids) > 3 else ""}'
