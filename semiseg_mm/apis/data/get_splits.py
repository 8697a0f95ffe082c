"""Published lists, checked by their hash and written as the base configs expect them."""

import os.path as osp
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.id_lists import CITYSCAPES, read_ids
from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_lists import Record, overlap, registry
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import splits
from semiseg_mm.utils import counted

from .split_files import write_lists

RAW = 'https://raw.githubusercontent.com/{repo}/{commit}/{path}'
TIMEOUT = 30  # seconds without an answer


def run_get_splits(argv: list[str] | None = None) -> int:
    args = splits.get().parse_args(argv)
    return guarded(lambda args: get_splits(**vars(args)), args)


def get_splits(
    family: str,
    dataset: str,
    source: str | None = None,
    out: str | None = None,
    only: list[str] | None = None,
    overwrite: bool = False,
) -> dict[str, list[str]]:
    """Returns what was written: path → ids."""
    records = [r for r in registry() if (r.family, r.dataset) == (family, dataset)]
    known = sorted({record.split for record in records})
    unknown = sorted(set(only or ()) - set(known))
    if unknown:
        raise UserError(
            f'{family} has no split {unknown[0]} of {dataset}: choose of {", ".join(known)}.'
        )
    records = [record for record in records if not only or record.split in only]
    out = out or splits.PLACES[dataset]
    if source:
        lists = {target(r): checked(r, find(r, source)) for r in records}
    else:
        lists = download(records)
    changed = write_lists({osp.join(out, path): ids for path, ids in lists.items()}, overwrite)
    for path, ids in lists.items():
        state = '' if osp.join(out, path) in changed else ', unchanged'
        print(f'{osp.join(out, path)}: {counted(len(ids), "image")}{state}')
        if path.endswith('/labeled.txt'):
            both = overlap(ids, lists.get(path.replace('/labeled', '/unlabeled'), []))
            if both:
                print(f'  as published, {len(both)} labeled image(s) also unlabeled: {both[0]}')
    one = records[0]
    print(f'{len(lists)} lists of {one.repo} at {one.commit[:10]}: every hash is right.')
    return {osp.join(out, path): ids for path, ids in lists.items()}


def target(record: Record) -> str:
    """Where a list goes, below the folder ``splits``."""
    folder, split = record.family, record.split
    if (record.family, record.dataset) == ('cps', 'voc'):
        pseudoseg = split.startswith('pseudoseg_')
        folder = 'pseudoseg_cps' if pseudoseg else 'blended_cps'
        split = split.removeprefix('pseudoseg_')
    return f'{folder}/{split}/{record.role}.txt' if record.role else f'{folder}/{split}.txt'


def find(record: Record, source: str) -> Path:
    """A list in a local copy: of the repository, or of any folder down to the dataset's."""
    tails = (record.path, record.file, f'{record.dataset}/{record.file}')
    for tail in (*tails, f'{record.family}/{record.dataset}/{record.file}'):
        if (Path(source) / tail).is_file():
            return Path(source) / tail
    raise UserError(
        f'{source} holds neither {record.path} nor {record.file}: point --from at a copy of '
        f'github.com/{record.repo}, or leave it out to download the lists. Nothing was written.'
    )


def checked(record: Record, path: Path) -> list[str]:
    """The list's ids as our configs name images, once its hash is the registered one."""
    ids = read_ids(path)
    if ids_hash(ids) != record.sha256:
        raise UserError(
            f'{path} is not the registered list {record}: it has {len(ids)} ids (registered: '
            f'{record.unique_ids}) and another hash. Nothing was written.'
        )
    if record.dataset == 'cityscapes':
        return [layout_id(one) for one in ids]
    return ids


def layout_id(name: str) -> str:
    """Cityscapes keeps its images by city."""
    return f'{name.split("_")[0]}/{name}' if CITYSCAPES.fullmatch(name) else name


def download(records: list[Record]) -> dict[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        paths = [Path(folder) / f'{k}.txt' for k in range(len(records))]
        print(f'downloading {len(records)} lists of {records[0].repo} …', file=sys.stderr)
        tasks = [pool.submit(_fetch, *pair) for pair in zip(records, paths)]
        try:
            for task in tasks:
                task.result()
        finally:
            pool.shutdown(cancel_futures=True)
        return {target(record): checked(record, path) for record, path in zip(records, paths)}


def _fetch(record: Record, path: Path) -> None:
    parts = dict(repo=record.repo, commit=record.commit, path=urllib.parse.quote(record.path))
    url = RAW.format(**parts)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            path.write_bytes(answer.read())
    except (OSError, urllib.error.URLError) as error:  # a timeout is an OSError
        reason = getattr(error, 'reason', None) or error
        raise UserError(
            f'{url} could not be downloaded ({reason}): check the network, or copy '
            f'github.com/{record.repo} here and name it with --from. Nothing was written.'
        ) from error
