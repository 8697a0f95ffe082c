import difflib
import re
from collections.abc import Iterator
from typing import Any

from semiseg_mm import registry
from semiseg_mm.utils import Arguments, arguments_of

UNEXPECTED = re.compile(r"got an unexpected keyword argument '(\w+)'")
SINGLE = re.compile(r'Expected more than 1 value per channel.*size torch.Size\((.*)\)')
RATE = re.compile(r'image size (\(.*?\)) should be divisible by the whole downsample rate (\d+)')
TWICE = re.compile(r"got multiple values for (?:keyword )?argument '(\w+)'")

PACKAGE = re.compile(r'^Please install ([\w-]+)|^([\w-]+) is not installed$')


def explain_unexpected_key(error: TypeError, cfg: dict) -> str | None:
    """Return a sentence for a config key that no constructor takes, or that a type sets itself.

    It is None if the error is something else.
    """
    match = TWICE.search(str(error))
    if match:
        for path, node in _nodes_with(cfg, match.group(1)):
            return f'{path}.{match.group(1)} is set by {node["type"]} itself: leave it out.'
    match = UNEXPECTED.search(str(error))
    if not match:
        return None
    key = match.group(1)
    for path, node in _nodes_with(cfg, key):
        known = arguments(node['type'])
        if known is not None and key not in known.names:
            return known.refusal(path, key, node['type'])
    return None


def explain_shapes(error: Exception) -> str | None:
    """Return a sentence for a batch that the network cannot take; None if it is something else."""
    if match := SINGLE.search(str(error)):
        return (
            f'BatchNorm cannot train on one value a channel, and gets {match[1]}: the batch is one '
            'image whose features are 1 x 1. Make train_dataloader.dataset.crop_size larger, or '
            'take more images of a kind (train_dataloader.sampler).'
        )
    if match := RATE.search(str(error)):
        return (
            f'An image of {match[1]} does not fit the network, which halves it down to 1/'
            f'{match[2]}: make both sides of train_dataloader.dataset.crop_size multiples of '
            f'{match[2]}. If it is a validation image: model.segmentor.data_preprocessor.test_cfg='
            f'dict(size_divisor={match[2]}).'
        )
    return None


def explain_missing_package(error: Exception) -> str | None:
    """Return which package a network of mmseg asks for; None if it is something else."""
    if match := PACKAGE.search(str(error)):
        package = match[1] or match[2]
        return (
            f'The config asks for something that needs the package {package}, which is not '
            f'installed: pip install {package}, or take another network.'
        )
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


def arguments(name: str) -> Arguments | None:
    """What a registered type takes, with what its base classes do; None if there is no such type.

    Several registries may have a type of that name: then all that these take.
    """
    found = [
        arguments_of(nodes.get(name))
        for nodes in vars(registry).values()
        if isinstance(nodes, registry.HintingRegistry) and name in nodes
    ]
    if not found:
        return None
    names = set().union(*(one.names for one in found))
    decided = frozenset().union(*(one.decided for one in found))
    return Arguments(names, any(one.open for one in found), decided)


def part_called(name: str, part: dict, where: str) -> str:
    """Ask whether the value of a part below is meant, whose type is nearly what was written."""
    for key, inner in part.items():
        kind = inner.get('type') if isinstance(inner, dict) else None
        if isinstance(kind, str) and difflib.get_close_matches(name.lower(), [kind.lower()]):
            keys = ', '.join(f'{where}.{key}.{one}' for one in inner if one != 'type')
            return f' Or is {keys} meant, of the {kind}?'
    return ''


def misfit(path: list[str], value: Any, old: Any) -> str | None:
    """Say why a single value cannot take the place of ``old``; None if it may."""
    if path[-1] == 'type' and not isinstance(value, (str, type)):
        return f'{value!r} is no type: give the name of one.'
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(old, bool) and isinstance(value, str):
        return f'{value!r} is neither True nor False.'
    part = old[0] if isinstance(old, (list, tuple)) and old else old
    named = path[-1] == 'segmentor' and isinstance(value, str)  # mmseg::…
    if named or not isinstance(part, dict) or not part:
        return None
    names = [*path, *(['0'] if part is not old else []), next(iter(part))]
    return (
        f'{value!r} cannot stand for a part with several values: set one of them '
        f'({".".join(names)}=…).'
    )
