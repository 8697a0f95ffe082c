import difflib
import inspect
from collections.abc import Callable
from typing import NamedTuple

from mmengine.model import BaseModule
from torch import nn

GENERIC = (BaseModule, nn.Module)


class Arguments(NamedTuple):
    """The keywords that a type takes."""

    names: set[str]
    open: bool  # it may hand others on
    decided: frozenset[str] = frozenset()  # those that it hands to its base class itself

    def refusal(self, path: str, key: str, kind: str) -> str:
        """Say why a type does not take a key of a config."""
        if key in self.decided:
            return f'{path}.{key} is set by {kind} itself: leave it out.'
        near = difflib.get_close_matches(key, self.names, n=1, cutoff=0.6)
        listed = ', '.join(sorted(self.names))
        hint = f"did you mean '{near[0]}'?" if near else f'it takes {listed}.'
        return f'{path}.{key} is not an argument of {kind}: {hint}'


def arguments_of(kind: Callable) -> Arguments:
    """Return what a type takes, with what its base classes do; or a function.

    A method says in ``decided`` what its base classes take and a config cannot say.
    """
    known: set[str] = set()
    decided: frozenset[str] = getattr(kind, 'decided', frozenset())
    for base in inspect.getmro(kind) if inspect.isclass(kind) else [kind]:
        init = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if init is None or base is object:
            continue
        parameters = inspect.signature(init).parameters
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        if not known:
            decided = decided - set(parameters)  # what a method names itself it takes
        before, known = known, known | {n for n, p in parameters.items() if p.kind in named}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            # what comes to these with **kwargs may as well be for a part
            return Arguments(known - decided - {'self'}, base in GENERIC and bool(before), decided)
    return Arguments(known - decided - {'self'}, True, decided)
