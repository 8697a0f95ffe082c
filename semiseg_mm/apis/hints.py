import difflib
import inspect
import re
from collections.abc import Iterator
from typing import Any

from semiseg_mm import registry

UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")


def explain_unexpected_key(error: TypeError, cfg: dict) -> str | None:
    """One sentence for a config key that no constructor takes, or None if it is something else."""
    match = UNEXPECTED.search(str(error))
    if not match:
        return None
    key = match.group(1)
    for path, node in _nodes_with(cfg, key):
        known = _arguments(node.get('type'))
        if known is not None and key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
            hint = f"did you mean '{near[0]}'?" if near else f'it takes {", ".join(sorted(known))}.'
            return f'{path}.{key} is not an argument of {node["type"]}: {hint}'
    return None


def _nodes_with(node: Any, key: str, path: str = '') -> Iterator[tuple[str, dict]]:
    if isinstance(node, dict):
        if key in node and isinstance(node.get('type'), str):
            yield path, node
        children = node.items()
    elif isinstance(node, (list, tuple)):
        children = enumerate(node)
    else:
        return
    for name, child in children:
        yield from _nodes_with(child, key, f'{path}.{name}' if path else str(name))


def _arguments(name: str) -> set[str] | None:
    """The keyword arguments of a registered type, with those its base classes take."""
    for nodes in vars(registry).values():
        if isinstance(nodes, registry.HintingRegistry) and name in nodes:
            return _signature_of(nodes.get(name))
    return None


def _signature_of(kind: type) -> set[str]:
    known: set[str] = set()
    for base in inspect.getmro(kind) if inspect.isclass(kind) else [kind]:
        init = base.__dict__.get('__init__') if inspect.isclass(base) else base
        if init is None or base is object:
            continue
        parameters = inspect.signature(init).parameters
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        known |= {n for n, p in parameters.items() if p.kind in named and n != 'self'}
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            break
    return known
