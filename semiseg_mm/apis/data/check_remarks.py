"""Judge what was seen in a dataset as a whole."""

from collections import Counter

from mmengine.config import Config

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.identity import sample_ids
from semiseg_mm.datasets.mask_reading import IGNORED
from semiseg_mm.datasets.transforms.check import FROM_ONE
from semiseg_mm.datasets.transforms.image_bytes import becomes
from semiseg_mm.engine.watches import LargeImages
from semiseg_mm.utils import counted

from .check_looks import Findings

HALF = 128  # loaded values that stay below it do not fill their 8 bits


def judge_depth(findings: Findings) -> None:
    """An error, unless the images fill their bits, so that the upper 8 make a picture."""
    if not findings.squeezed:
        return
    stored = max(ranges[0][1] for ranges in findings.squeezed.values())
    loaded = max(ranges[1][1] for ranges in findings.squeezed.values())
    if HALF <= loaded <= stored / 256 + 1:
        file, ranges = next(iter(findings.squeezed.items()))
        findings.remarks.append(
            f'{counted(len(findings.squeezed), "image")} with more than 8 bits, which loading '
            f'drops: in {file} {becomes(ranges)}.'
        )
        return
    for file, ranges in findings.squeezed.items():
        findings.error(
            'more than 8 bits, spoilt by loading (save them with 8, see docs/en/datasets.md)',
            f'{file} ({becomes(ranges)})',
        )


def remark_on_channels(findings: Findings) -> None:
    if findings.dropped:
        findings.remarks.append(
            f'{counted(len(findings.dropped), "image")} with more than three channels; loading '
            'drops what is beyond the third (transparency, or a fourth band): '
            f'{findings.dropped[0]}.'
        )


def remark_on_labels(findings: Findings, classes: tuple, meant: bool) -> None:
    absent = [name for k, name in enumerate(classes) if not findings.labels[k]]
    if absent:
        findings.remarks.append(f'Without a single pixel: {", ".join(absent)}.')
    used = set(findings.labels)
    if used == {0, IGNORED} and len(classes) > 1 and not meant:
        findings.error(
            '0 and 255 only, and 255 is ignored: a training would see class 0 alone (if 255 is '
            'class 1, make masks of 0 and 1 with `semiseg_mm new`)',
            'all masks',
        )
    if used - {IGNORED} == set(range(1, len(classes) + 1)):
        findings.remarks.append(f'No mask holds 0.{FROM_ONE}')
    if len(findings.channels) > 1:
        findings.remarks.append(f'Images differ in channels: {dict(findings.channels)}.')


def advise_windows(val: Findings, cfg: Config) -> None:
    """Note images that are far larger than the crop and go through the network as a whole."""
    sizes = [tuple(map(int, size.split('x'))) for size in val.sizes]
    if said := LargeImages().warning(cfg, sizes):
        val.remarks.append(said)


def compare_lists(found: list[Findings], dataset: SemiDataset) -> None:
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
            f'{counted(len(both), "image")} in both lists, such as {both[0]}: harmless for '
            'training, but the lists are then not those of a published split.'
        )
