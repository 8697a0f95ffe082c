import argparse
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.config import Config
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch.utils.data import Dataset

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.apis.cli import guarded, load_config
from semiseg_mm.apis.option_words import OptionsAction
from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.backends import is_remote, with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.identity import sample_ids
from semiseg_mm.datasets.left_out import left_out
from semiseg_mm.datasets.semi_dataset import build_labeled
from semiseg_mm.datasets.transforms import LoadBands
from semiseg_mm.datasets.transforms.image_bytes import TIFF, Range, becomes, bit_depth, squeezed
from semiseg_mm.errors import BadMask, BrokenImage, BrokenMask, UserError
from semiseg_mm.registry import DATASETS

IGNORED = 255
SHOWN = 10  # files of a kind that are listed by name
DEEP = ('.png', '.tif', '.tiff')  # what can have more than 8 bits
HALF = 128  # loaded values that stay below it do not fill their 8 bits


@dataclass
class Findings:
    """What was seen in one source; ``errors`` would stop or spoil a training."""

    source: str
    count: int = 0
    sizes: Counter = field(default_factory=Counter)
    channels: Counter = field(default_factory=Counter)
    labels: Counter = field(default_factory=Counter)  # pixels of each value
    squeezed: dict[str, tuple[Range, Range]] = field(default_factory=dict)  # by image
    errors: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def error(self, kind: str, file: str) -> None:
        self.errors.setdefault(kind, []).append(file)


def run_check_dataset(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description='Read every image and mask of a config and say what is wrong with them. '
        'Exit status: 0 all well, 1 errors.'
    )
    parser.add_argument('config')
    parser.add_argument('--workers', type=int, default=8, help='threads that read files')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE')
    args = parser.parse_args(argv)
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
    for findings in found:
        _print(findings, dataset.metainfo['classes'], console)
    bad = sum(len(files) for findings in found for files in findings.errors.values())
    console.print(f'{bad} errors.' if bad else 'No errors.')
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
            looks = pool.map(lambda index, sample=sample: _look(*sample(index)), range(count))
            for look in progress(looks, count, name):
                _add(findings, look, len(classes))
            for path in left_out(listed) if listed is not None else ():
                findings.error(
                    f'left out, because img_suffix is {listed.img_suffix!r} (rename them, so that '
                    'all end alike; upper and lower case count)',
                    path,
                )
            _judge_depth(findings)
            found.append(findings)
    _remark(found[0], classes)
    _compare_lists(found, dataset)
    return found


def _look(results: dict, pipeline: Callable) -> dict:
    """One sample, loaded as its pipeline loads it, or the reason why it cannot be."""
    look = dict(image=results['img_path'], mask=results.get('seg_map_path'))
    try:
        for transform in getattr(pipeline, 'transforms', ()):
            if type(transform).__name__.startswith('Load'):  # the whole image is looked at
                results = transform(results)
                scaled = isinstance(transform, LoadBands)  # by the range that the config names
                if isinstance(transform, LoadImageFromFile) and not scaled:
                    look['squeezed'] = _squeezed(look['image'], transform, results['img'])
    except BrokenImage as error:
        return dict(look, unreadable=error.reason)
    except BrokenMask as error:
        return dict(look, unreadable=f'mask {error.path}: {error.reason}')
    except BadMask as error:
        return dict(look, overflow=error.values)
    except UserError:  # a server that is out of reach says nothing of the file
        raise
    except Exception as error:  # readers of masks raise what they like
        what = f'mask {look["mask"]}: ' if 'img' in results else ''
        return dict(look, unreadable=f'{what}{type(error).__name__}')
    if 'img' in results:
        look['shape'] = results['img'].shape
    if 'gt_seg_map' in results:
        look['mask_shape'] = results['gt_seg_map'].shape
        values, counts = np.unique(results['gt_seg_map'], return_counts=True)
        look['labels'] = dict(zip(values.tolist(), counts.tolist()))
    return look


def _squeezed(
    path: str, transform: LoadImageFromFile, image: np.ndarray
) -> tuple[Range, Range] | None:
    if is_remote(path, transform.backend_args):  # to be fetched a second time
        shallow = not path.lower().endswith(DEEP)
    else:
        with open(path, 'rb') as file:
            head = file.read(32)
        shallow = bit_depth(head) <= 8 and not head.startswith(TIFF)
    if shallow:
        return None
    return squeezed(fileio.get(path, backend_args=transform.backend_args), image)


def _judge_depth(findings: Findings) -> None:
    """An error, unless the images fill their bits, so that the upper 8 make a picture."""
    if not findings.squeezed:
        return
    stored = max(ranges[0][1] for ranges in findings.squeezed.values())
    loaded = max(ranges[1][1] for ranges in findings.squeezed.values())
    if HALF <= loaded <= stored / 256 + 1:
        file, ranges = next(iter(findings.squeezed.items()))
        findings.remarks.append(
            f'{len(findings.squeezed)} images have more than 8 bits, which loading drops: in '
            f'{file} {becomes(ranges)}.'
        )
        return
    for file, ranges in findings.squeezed.items():
        findings.error(
            'more than 8 bits, spoilt by loading (save them with 8, see docs/en/datasets.md)',
            f'{file} ({becomes(ranges)})',
        )


def _add(findings: Findings, look: dict, classes: int) -> None:
    findings.count += 1
    if 'unreadable' in look:
        findings.error('cannot be read', f'{look["image"]} ({look["unreadable"]})')
        return
    if look.get('squeezed'):
        findings.squeezed[look['image']] = look['squeezed']
    if 'overflow' in look:
        findings.error(
            'masks whose values 8 bits cannot hold (save them as 8-bit PNG, one class number a '
            'pixel)',
            f'{look["mask"]} ({look["overflow"]})',
        )
        return
    if 'shape' not in look:  # the pipeline loads in a way of its own
        return
    height, width, *channels = look['shape']
    findings.sizes[f'{height}x{width}'] += 1
    findings.channels[channels[0] if channels else 1] += 1
    if 'labels' not in look:
        return
    name = look['mask'] or look['image']
    findings.labels.update(look['labels'])
    if look['mask_shape'] != (height, width):
        findings.error('mask and image differ in size', name)
    wrong = sorted(v for v in look['labels'] if not 0 <= v < classes and v != IGNORED)
    if wrong:
        findings.error(f'labels outside 0 … {classes - 1}', f'{name} ({wrong[:6]})')
    if set(look['labels']) == {IGNORED}:
        findings.error('nothing but ignored pixels', name)


def _remark(findings: Findings, classes: tuple) -> None:
    absent = [name for k, name in enumerate(classes) if not findings.labels[k]]
    if absent:
        findings.remarks.append(f'Without a single pixel: {", ".join(absent)}.')
    used = set(findings.labels)
    if used and used <= {0, IGNORED}:
        findings.remarks.append(
            'Masks hold 0 and 255 only. If 255 is a class and not "ignore", save it as 1.'
        )
    if len(findings.channels) > 1:
        findings.remarks.append(f'Images differ in channels: {dict(findings.channels)}.')


def _compare_lists(found: list[Findings], dataset: SemiDataset) -> None:
    sources = [s for s in (dataset.labeled, dataset.unlabeled) if s is not None]
    ids = [sample_ids(source) for source in sources]
    for findings, own in zip(found, ids):
        for name, times in Counter(own).items():
            if times > 1:
                findings.error('stands in the list more than once', f'{name} ({times} times)')
    same_folder = len({str(s.data_prefix.get('img_path')) for s in sources}) == 1
    both = sorted(set(ids[0]) & set(ids[-1])) if len(ids) == 2 and same_folder else []
    if both:
        found[1].remarks.append(
            f'{len(both)} images are in both lists, {both[0]} among them: harmless for training, '
            'but the lists are then not those of a published split.'
        )


def _print(findings: Findings, classes: tuple, console: Console) -> None:
    console.print(f'\n[bold]{findings.source}[/bold]: {findings.count} images')
    for title, counter in (('size', findings.sizes), ('channels', findings.channels)):
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
