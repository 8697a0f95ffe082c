"""Pseudo labels on their way to an annotation tool, and back."""

import argparse
from collections.abc import Sequence

from semiseg_mm.apis.command import guarded, load_config
from semiseg_mm.datasets.transforms.image_bytes import MAX_PIXELS
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import datasets
from semiseg_mm.registry import DATASETS

from .coco_export import export_labels
from .coco_import import import_labels

Names = tuple[list[str] | None, Sequence | None]  # classes and palette


def run_pseudo_labels(argv: list[str] | None = None) -> int:
    return guarded(_run, datasets.labels().parse_args(argv))


def _run(args: argparse.Namespace) -> None:
    classes, palette = config_classes(args.config) if args.config else (args.classes, None)
    common = dict(classes=classes, palette=palette)
    common.update(overwrite=args.overwrite, workers=args.workers)
    if args.command == 'export':
        export_labels(args.label_dir, args.out, images=args.images, **common)
    else:
        most = MAX_PIXELS if args.max_pixels is None else args.max_pixels
        import_labels(args.source, args.label_dir, max_pixels=most, **common)


def config_classes(path: str) -> Names:
    """Class names and palette (if there is one for them) of a config's labeled dataset."""
    dataset = load_config(path).get('train_dataloader', {}).get('dataset', {})
    dataset = dataset.get('labeled') or dataset
    if 'type' not in dataset:
        raise UserError(f'{path} has no train_dataloader.dataset: give --classes instead.')
    metainfo = DATASETS.get(dataset['type'])._load_metainfo(dataset.get('metainfo'))
    classes, palette = metainfo.get('classes'), metainfo.get('palette')
    if not classes:
        raise UserError(f'The labeled dataset of {path} names no classes: give --classes instead.')
    whole = palette is not None and len(palette) == len(classes)
    return list(classes), palette if whole else None
