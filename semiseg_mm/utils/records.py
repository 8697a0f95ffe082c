import json
import os
import os.path as osp
from collections.abc import Mapping

from semiseg_mm.errors import UserError

Kinds = Mapping[str, type | tuple[type, ...]]


def read_record(path: str, advice: str, kinds: Kinds = {}) -> dict:
    """Read a JSON file of ours; an empty one if there is none, and a sentence if it is damaged.

    Args:
        advice: What to do then.
        kinds: What the file must hold, and of which types.
    """
    if not osp.exists(path):
        return {}
    try:
        with open(path, encoding='utf-8') as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path} cannot be read ({error}): {advice}.') from error
    if not isinstance(found, dict):
        raise UserError(f'{path} is no record: {advice}.')
    check_record(found, path, advice, kinds)
    return found


def check_record(record: dict, path: str, advice: str, kinds: Kinds) -> None:
    missing = [key for key in kinds if key not in record]
    if missing:
        raise UserError(f'{path} has no {", ".join(missing)}: {advice}.')
    wrong = [key for key, kind in kinds.items() if not isinstance(record[key], kind)]
    if wrong:
        raise UserError(f'{path} holds something strange as {", ".join(wrong)}: {advice}.')


def read_lines(path: str | os.PathLike) -> tuple[list[dict], list[int]]:
    """Return the JSON objects of a file's lines, and the numbers of the lines that hold none.

    The last line may be such a one because it is just being written.
    """
    rows, damaged = [], []
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                rows.append(row)
            elif line.strip():
                damaged.append(number)
    return rows, damaged
