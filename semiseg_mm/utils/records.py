import json
import os.path as osp
from collections.abc import Iterable

from semiseg_mm.errors import UserError


def read_record(path: str, advice: str, keys: Iterable[str] = ()) -> dict:
    """Read a JSON file of ours; an empty one if there is none, and a sentence if it is damaged.

    Args:
        advice: What to do then.
        keys: What the file must hold.
    """
    if not osp.exists(path):
        return {}
    try:
        with open(path, encoding='utf-8') as file:
            found = json.load(file)
    except ValueError as error:
        raise UserError(f'{path} cannot be read ({error}): {advice}.') from error
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing or not isinstance(found, dict):
        what = f'has no {", ".join(missing)}' if missing else 'is no record'
        raise UserError(f'{path} {what}: {advice}.')
    return found
