import difflib
from collections.abc import Iterable

from semiseg_mm.errors import UserError


def nearest(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return the question after the known word that is most like ``word``, or nothing."""
    near = difflib.get_close_matches(str(word), [str(one) for one in known], n=1, cutoff=cutoff)
    return f" Did you mean '{near[0]}'?" if near else ''


def check_share(name: str, value: float, owner: str = '') -> None:
    """Stop at a value that is no share, 0 to 1: a percentage, say, or a number of iterations."""
    if not 0 <= value <= 1:
        raise UserError(
            f'{name}={value!r}{f" of {owner}" * bool(owner)} is a share: give a number from 0 to 1.'
        )


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
