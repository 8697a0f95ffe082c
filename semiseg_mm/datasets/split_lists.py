"""The published lists, known by their hash, and what a run says of its own."""

import csv
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from semiseg_mm.utils import counted

from .id_lists import image_key, name_some, plain_id
from .identity import describe_ids, fixed_part, ids_hash, sample_ids

REGISTRY = Path(__file__).with_name('split_registry.csv')


class Record(NamedTuple):
    """A registered list: which it is, and where its authors keep it."""

    family: str
    dataset: str
    file: str
    lines: int
    unique_ids: int
    sha256: str
    repo: str
    commit: str
    path: str

    @property
    def split(self) -> str:
        """The split that a labeled and an unlabeled list share: ``1_8``, ``pseudoseg_1_8``."""
        cps = re.fullmatch(r'.*/(train_aug|pseudoseg)_(?:un)?labeled_1-(\d+)\.txt', self.file)
        if cps:
            return f'{cps[1]}_1_{cps[2]}'.removeprefix('train_aug_')
        return re.sub(r'(/(un)?labeled)?\.txt$', '', self.file)

    @property
    def role(self) -> str | None:
        """``labeled``, ``unlabeled``, or None for other lists (val, the whole training set)."""
        found = re.search(r'(?:/|_)((?:un)?labeled)[_.]', self.file)
        return found[1] if found else None

    def __str__(self) -> str:
        return f'{self.family} {self.dataset} {self.file}'


@cache
def registry() -> tuple[Record, ...]:
    with open(REGISTRY, encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Record(
            *(row[key] for key in ('family', 'dataset', 'file')),
            int(row['lines']),
            int(row['unique_ids']),
            *(row[key] for key in ('sha256_sorted_ids', 'repo', 'commit', 'path')),
        )
        for row in rows
    )


def identify_all(ids: Iterable[str]) -> list[Record]:
    """All registered lists with exactly these ids."""
    longest = max((record.unique_ids for record in registry()), default=0)
    names = set()
    for one in ids:
        names.add(plain_id(one))
        if len(names) > longest:
            return []
    same_size = [record for record in registry() if record.unique_ids == len(names)]
    digest = ids_hash(names) if same_size else None
    return [record for record in same_size if record.sha256 == digest]


def identify(ids: Iterable[str]) -> Record | None:
    """The first registered list with exactly these ids."""
    return next(iter(identify_all(ids)), None)


def describe_list(ids: list[str], first: Record | None = None) -> str:
    """What a list is: ``unimatch cityscapes 1_8/labeled.txt (372 images, also cps …)``."""
    found = identify_all(ids)
    count = counted(len(set(ids)), 'image')
    if not found:
        return f'own list ({count})'
    found.sort(key=lambda record: record != first)
    also = ', '.join(f'{record.family} {record.split}' for record in found[1:])
    return f'{found[0]} ({count}{", also " + also if also else ""})'


def describe_split(labeled_ids: list[str], unlabeled_ids: list[str] | None = None) -> str:
    """Both lists by name, and what is odd about them, in one line."""
    if unlabeled_ids is None:
        return f'labeled: {describe_list(labeled_ids)}'
    known = [identify_all(ids) for ids in (labeled_ids, unlabeled_ids)]
    one, two = _of_one_split(*known)
    parts = [f'labeled: {describe_list(labeled_ids, one)}']
    parts += [f'unlabeled: {describe_list(unlabeled_ids, two)}']
    if all(known) and not one:
        parts.append('the two lists are not of one split')
    both = overlap(labeled_ids, unlabeled_ids)
    return '; '.join([*parts, name_some(both, 'in both lists')] if both else parts)


def known_split(labeled_ids: list[str], unlabeled_ids: list[str] | None = None) -> str | None:
    """Return the name of a published split: ``unimatch cityscapes 1_8``; None for one's own."""
    known = identify_all(labeled_ids)
    if unlabeled_ids is not None:
        known = [one for one in _of_one_split(known, identify_all(unlabeled_ids)) if one]
    return f'{known[0].family} {known[0].dataset} {known[0].split}' if known else None


def overlap(labeled_ids: Iterable[str], unlabeled_ids: Iterable[str]) -> list[str]:
    """Ids that both lists hold; paths count, except where a bare name says all."""
    labeled = {}
    for one in labeled_ids:
        labeled.setdefault(plain_id(one), set()).add(image_key(one))
    found = (one for one in unlabeled_ids if plain_id(one) in labeled)
    return sorted({key for one in found if (key := image_key(one)) in labeled[plain_id(one)]})


class Survey(NamedTuple):
    """What is worth knowing of a dataset's images."""

    identity: dict[str, dict]  # by source
    line: str  # which lists they are, for people
    name: str | None  # of a published split


def survey(labeled: BaseDataset, unlabeled: BaseDataset | None = None) -> Survey:
    """Each source's images are listed once; with a million of them that takes a second."""
    identity, lists = {}, []
    for name, source in dict(labeled=labeled, unlabeled=unlabeled).items():
        if source is not None:
            ids = sample_ids(source)
            identity[name] = describe_ids(ids)
            # with the image folder: equal names in different folders are different images
            root = fixed_part(str(source.data_prefix.get('img_path') or ''))
            ids = [f'{root}/{one}' for one in ids] if root else ids
            lists.append(ids)
    return Survey(identity, f'Lists: {describe_split(*lists)}.', known_split(*lists))


def log_splits(dataset) -> list[str]:
    """Log which lists a SemiDataset reads; a warning if they share images."""
    found = getattr(dataset, 'survey', None) or survey(dataset.labeled, dataset.unlabeled)
    odd = 'in both lists' in found.line or 'not of one split' in found.line
    print_log(found.line, 'current', level=30 if odd else 20)
    return [found.line]


def _of_one_split(
    labeled: list[Record], unlabeled: list[Record]
) -> tuple[Record | None, Record | None]:
    """Return the first labeled list that has its unlabeled one beside it, and that one."""
    pairs = ((a, b) for a in labeled for b in unlabeled if _split_of(a) == _split_of(b))
    return next(pairs, (None, None))


def _split_of(record: Record) -> tuple:
    return record.family, record.dataset, record.split
