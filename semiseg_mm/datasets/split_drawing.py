"""Which images are labeled: an order is drawn, and a prefix of it taken."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from semiseg_mm.errors import UserError


def make_groups(ids: Sequence[str], pattern: str | None) -> list[list[str]]:
    """Sorted groups of sorted ids: by the pattern's first bracket, or each id alone."""
    if pattern is None:
        return [[one] for one in sorted(ids)]
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise UserError(f'--group {pattern!r} is no regular expression: {error}.') from error
    groups: dict[str, list[str]] = {}
    for one in sorted(ids):
        found = regex.search(one)
        if not found:
            raise UserError(f'--group {pattern!r} does not match the id {one}.')
        groups.setdefault(found[1] if regex.groups else found[0], []).append(one)
    return [groups[key] for key in sorted(groups)]


def draw_order(
    groups: Sequence[list[str]], seed: Sequence[int], classes: dict[str, set[int]] | None = None
) -> list[list[str]]:
    """A random order; with ``classes``, those that add most unseen classes come first.

    Among equals the random order decides. It depends on the ids and the seed alone.
    """
    order = [groups[k] for k in np.random.default_rng(list(seed)).permutation(len(groups))]
    if not classes:
        return order
    has = [set().union(*(classes.get(one, set()) for one in group)) for group in order]
    missing, first = set().union(*has), []
    while missing:
        best = max(range(len(order)), key=lambda k: (len(has[k] & missing), -k))
        missing -= has[best]
        first.append(best)
    return [order[k] for k in [*first, *(k for k in range(len(order)) if k not in set(first))]]


def take(order: Sequence[list[str]], count: int) -> list[str]:
    """Ids of the prefix, of whole groups, whose size is nearest to count (at least one group)."""
    sizes = np.cumsum([len(group) for group in order])
    end = int(np.argmin(np.abs(sizes - count))) + 1
    return [one for group in order[:end] for one in group]


def draw_per_class(
    groups: Sequence[list[str]],
    seed: Sequence[int],
    classes: Mapping[str, Collection[int]],
    count: int,
    start: Collection[str] = (),
) -> set[str]:
    """``start`` and random groups, until each class is in ``count`` images or in no more of them.

    A group counts for all classes in it. The rarest class draws first, so that commoner ones come
    with it; each draws evenly from the groups that have it and are not taken yet.
    """
    has = [Counter(label for one in group for label in classes.get(one, ())) for group in groups]
    images, holders, have = Counter(), {}, Counter()
    taken = {k for k, group in enumerate(groups) if group[0] in start}
    for k, labels in enumerate(has):
        images.update(labels)
        have.update(labels if k in taken else {})
        for label in labels:
            holders.setdefault(label, []).append(k)
    rng = np.random.default_rng(list(seed))
    for label in sorted(images, key=lambda label: (images[label], label)):
        left = [k for k in holders[label] if k not in taken]
        for k in rng.permutation(left).tolist():
            if have[label] >= count:
                break
            taken.add(k)
            have.update(has[k])
    return {one for k in taken for one in groups[k]}
