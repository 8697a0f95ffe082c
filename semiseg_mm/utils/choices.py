import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real

from semiseg_mm.errors import UserError


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the question after the known word that is most like ``word``, or nothing."""
    near = difflib.get_close_matches(str(word), [str(one) for one in known], n=1, cutoff=cutoff)
    return f" Did you mean '{near[0]}'?" if near else ''


def check_share(name: str, value: float, owner: str = '') -> None:
    """Stop at a value that is no share, 0 to 1: a percentage, say, or a number of iterations."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)} is a share: give a number from 0 to 1.'
        )


def check_number(
    name: str, value: float, owner: str = '', least: float = 0, above: bool = False
) -> None:
    """Stop at a value that is no number of ``least`` or more; with ``above``, of more."""
    if not _is_number(value) or not (value > least if above else value >= least):
        limit = f'above {least}' if above else f'of {least} or more'
        raise UserError(f'{name}={value!r}{f" of {owner}" * bool(owner)}: give a number {limit}.')


def check_count(name: str, value: int, owner: str = '', least: int = 0) -> None:
    """Stop at a value that is no whole number of ``least`` or more."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)}: give a whole number of {least} or '
            'more.'
        )


def check_range(name: str, value: Sequence[float], owner: str = '', most: float = math.inf) -> None:
    """Stop at a value that is no range (low, high) with 0 < low <= high <= ``most``."""
    pair = isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value))
    if not pair or not 0 < value[0] <= value[1] <= most:
        limit = f', both above 0{f" and at most {most:g}" * (most < math.inf)}'
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)}: give a range (low, high){limit}.'
        )


def check_absent(names: Iterable[str], given: Iterable[str], owner: str) -> None:
    """Stop at words of a config that the method itself decides."""
    refused = sorted(set(names) & set(given))
    if refused:
        raise UserError(f'{", ".join(refused)} of {owner} follow from the method: leave them out.')


def check_size(name: str, value: int | Sequence[int] | None, owner: str = '') -> None:
    """Stop at a value that is no size: (height, width), one number for both, or None."""
    sides = value if isinstance(value, (list, tuple)) else (value, value)
    whole = len(sides) == 2 and all(isinstance(side, Integral) and int(side) > 0 for side in sides)
    if value is not None and not whole:
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)}: give (height, width), both 1 or '
            'greater.'
        )


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def check_choice(name: str, value, choices: Iterable, owner: str = '') -> None:
    """Stop at a value that is none of the choices, and name the one that is most like it.

    Args:
        name: The option's name in the config.
        owner: The type that takes the option, if its name alone does not tell.
    """
    choices = list(choices)
    if value not in choices:
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)} is none of '
            f'{", ".join(map(repr, choices))}.{nearest(value, choices)}'
        )
