"""Reads a config; a mistake in one is a sentence with its file and line."""

import re
import traceback
from collections.abc import Iterable
from types import TracebackType

from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import short_path

MMSEG = (
    ' To train a network of mmseg, leave its base out and name it: model=dict(segmentor='
    "'mmseg::…')."
)
GONE = re.compile(r"""["'](.*\.py)["']""")
READERS = ('_file2dict', '_is_lazy_import')  # of mmengine, each with a file
TWICE = re.compile(r"Duplicate keys: \{'(.*)'\}")
ABSENT = re.compile(r"'ConfigDict' object has no attribute '(\w+)'")


def read_config(path: str) -> Config:
    """Read a config file with its bases and imports.

    An error in a module that it imports keeps its traceback.
    """
    try:
        return Config.fromfile(path)
    except UserError:
        raise
    except FileNotFoundError as error:
        absent = GONE.search(str(error))
        if absent is None:
            raise
        raise UserError(
            f'A base of {path} does not exist: {short_path(absent[1])}. Write its path from '
            "the folder of the config, or, for one of this package, 'semiseg_mm::_base_/…'."
        ) from error
    except ImportError as error:
        missing = getattr(error.__cause__, '__context__', None)
        if not isinstance(missing, ModuleNotFoundError):
            raise
        raise UserError(
            f'{path}: custom_imports needs the module {missing.name}, which is not found. If it is '
            'a file of yours, put PYTHONPATH=FOLDER before the command, with the folder of the '
            'file (. for this one); otherwise install its package.'
        ) from error
    except Exception as error:
        sentence = _explained(error)
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _explained(error: Exception) -> str | None:
    """Return what is wrong in which line of which file; None if no config is to blame."""
    steps = list(_steps(error.__traceback__))
    readers = [s.tb_frame for s in steps if s.tb_frame.f_code.co_name in READERS]
    if not readers:
        return None
    known = readers[-1].f_locals
    file, bases = known['filename'], known.get('base_cfg_dict') or {}
    lines = [s.tb_lineno for s in steps if s.tb_frame.f_code.co_filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else lines[0] if lines else None
    where = f'{file}, line {line}' if line else file
    if twice := TWICE.search(str(error)):
        names = twice[1].replace("', '", ' and ')
        return f'{file}: two of its bases define {names}: keep one.{MMSEG * ("model" in names)}'
    if absent := ABSENT.search(str(error)):
        return f'{where}: no base has {absent[1]}.{nearest(absent[1], bases)}'
    return f'{where}: {traceback.format_exception_only(error)[-1].strip()}'


def _steps(step: TracebackType | None) -> Iterable[TracebackType]:
    while step is not None:
        yield step
        step = step.tb_next
