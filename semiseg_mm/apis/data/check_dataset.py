import argparse
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from mmengine.config import Config
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.utils.data import Dataset

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.apis.command import guarded, load_config
from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.backends import with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.left_out import foreign_images, foreign_named, left_out
from semiseg_mm.datasets.mask_reading import IGNORED, mapped
from semiseg_mm.datasets.semi_dataset import build_labeled
from semiseg_mm.parsers import datasets
from semiseg_mm.registry import DATASETS
from semiseg_mm.utils import counted

from .check_looks import Findings, add_look, look
from .check_remarks import (
    advise_windows,
    compare_lists,
    judge_depth,
    remark_on_channels,
    remark_on_labels,
)

SHOWN = 10  # files of a kind that are listed by name


def run_check_dataset(argv: list[str] | None = None) -> int:
    args = datasets.check().parse_args(argv)
    verdict: list[int] = []
    failed = guarded(lambda args: verdict.append(_check(args)), args)
    return failed or verdict[0]


def _check(args: argparse.Namespace) -> int:
    whole = load_config(args.config, args.cfg_options)
    cfg = whole.train_dataloader.dataset
    check_paths(cfg, 'train_dataloader.dataset')
    dataset, val = DATASETS.build(cfg), _validation(whole)
    console = Console()
    found = check_dataset(
        dataset, args.workers, lambda it, n, text: track(it, text, n, console=console), val
    )
    if val is not None:
        advise_windows(found[-1], whole)
    for findings in found:
        _print(findings, dataset.metainfo['classes'], console)
    bad = sum(len(files) for findings in found for files in findings.errors.values())
    console.print(f'{counted(bad, "error")}.' if bad else 'No errors.')
    return int(bad > 0)


def _validation(cfg: Config) -> Dataset | None:
    cfg = (cfg.get('val_dataloader') or {}).get('dataset')
    if not cfg or 'dataset' in cfg or 'datasets' in cfg:  # wrappers are not looked into
        return None
    check_paths(cfg, 'val_dataloader.dataset')
    return build_labeled(with_backend(cfg, cfg.get('backend_args')), 'val_dataloader.dataset')


def check_dataset(
    dataset: SemiDataset,
    workers: int = 8,
    progress: Callable | None = None,
    val: Dataset | None = None,
) -> list[Findings]:
    """Look at every file of both sources and of ``val``, and at the lists side by side."""
    progress = progress or (lambda items, count, text: items)
    classes, start = dataset.metainfo['classes'], dataset.num_labeled
    parts = [('labeled', start, dataset.results, dataset.labeled)]
    parts += [('unlabeled', len(dataset) - start, lambda k: dataset.results(start + k), None)]
    if val is not None:
        parts += [('val', len(val), lambda k: (val.get_data_info(k), val.pipeline), val)]
    found = []
    with ThreadPoolExecutor(workers) as pool:  # decoding lets go of the interpreter's lock
        for name, count, sample, listed in parts:
            findings = Findings(name)
            looks = pool.map(lambda index, sample=sample: look(*sample(index)), range(count))
            for seen in progress(looks, count, name):
                add_look(findings, seen, len(classes))
            for path in left_out(listed) if listed is not None else ():
                findings.error(
                    f'left out, because img_suffix is {listed.img_suffix!r} (rename them, so that '
                    'all end alike; upper and lower case count)',
                    path,
                )
            judge_depth(findings)
            remark_on_channels(findings)
            found.append(findings)
    for findings, source in zip(found, (dataset.labeled, dataset.unlabeled, val)):
        if foreign := foreign_images(source) if source is not None else ():
            findings.remarks.append(f'{foreign_named(foreign[:SHOWN], len(foreign))}.')
    remark_on_labels(found[0], classes, mapped(dataset.labeled))
    compare_lists(found, dataset)
    return found


def _print(findings: Findings, classes: tuple, console: Console) -> None:
    console.print(f'\n[bold]{findings.source}[/bold]: {counted(findings.count, "image")}')
    for title, counter in (('height x width', findings.sizes), ('channels', findings.channels)):
        most = ', '.join(f'{key} ({n})' for key, n in counter.most_common(5))
        if most:
            console.print(f'  {title}: {most}{", …" if len(counter) > 5 else ""}')
    if findings.labels:
        console.print(_histogram(findings.labels, classes))
    for remark in findings.remarks:
        console.print(f'  note: {remark}')
    for kind, files in findings.errors.items():
        console.print(f'  [red]error[/red]: {kind}: {len(files)}')
        for line in files[:SHOWN]:
            console.print(f'    {line}', soft_wrap=True)
        if len(files) > SHOWN:
            console.print(f'    … and {len(files) - SHOWN} more')


def _histogram(labels: Counter, classes: tuple) -> Table:
    table = Table('label', 'class', 'share of pixels')
    total = sum(labels.values())
    for value in sorted({*labels, *range(len(classes))}):
        name = classes[value] if 0 <= value < len(classes) else '?'
        name = 'ignored' if value == IGNORED else name
        table.add_row(str(value), name, f'{100 * labels[value] / total:.2f} %')
    return table
