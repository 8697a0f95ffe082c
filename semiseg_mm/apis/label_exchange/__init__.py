"""Pseudo labels on their way to an annotation tool, and back."""

import argparse
from collections.abc import Sequence

from semiseg_mm.apis.command import guarded, load_config
from semiseg_mm.datasets.transforms.image_bytes import MAX_PIXELS
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

from .coco_export import export_labels
from .coco_import import import_labels

Names = tuple[list[str] | None, Sequence | None]  # classes and palette
EPILOG = """
The COCO file has one annotation for each class of an image, as RLE. On import polygons and RLE may
be mixed; where annotations overlap, the later one in the file lies on top, and pixels without
annotation become 255, ignored. Categories are matched by name, since annotation tools number them
anew.
"""


def run_pseudo_labels(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description='Write label maps as a COCO file, to be corrected, and read such a file.',
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(dest='command', required=True)
    export = commands.add_parser('export', help='label maps → COCO file', epilog=EPILOG)
    export.add_argument('label_dir', help='folder of label maps, or of a label stage')
    export.add_argument('out', help='the .json to write')
    export.add_argument(
        '--images',
        metavar='FOLDER',
        help='the folder (or glob) of the images, to name them with their suffix; without it they '
        'are named by their ids',
    )
    load = commands.add_parser('import', help='COCO file → label maps', epilog=EPILOG)
    load.add_argument('source', help='the .json to read')
    load.add_argument('label_dir', help='where to write the label maps')
    load.add_argument(
        '--max-pixels',
        type=int,
        default=MAX_PIXELS,
        metavar='N',
        help='refuse a file with a larger image, whose label map would take gigabytes; default: '
        '2^28',
    )
    for command in (export, load):
        names = command.add_mutually_exclusive_group()
        names.add_argument('--config', help='take the class names and colours of this config')
        names.add_argument(
            '--classes', nargs='+', metavar='NAME', help='in the order of the labels'
        )
        command.add_argument('--overwrite', action='store_true', help='replace what is there')
        command.add_argument('--workers', type=int, metavar='N', help='default: up to 8')
    return guarded(_run, parser.parse_args(argv))


def _run(args: argparse.Namespace) -> None:
    classes, palette = config_classes(args.config) if args.config else (args.classes, None)
    common = dict(classes=classes, palette=palette)
    common.update(overwrite=args.overwrite, workers=args.workers)
    if args.command == 'export':
        export_labels(args.label_dir, args.out, images=args.images, **common)
    else:
        import_labels(args.source, args.label_dir, max_pixels=args.max_pixels, **common)


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
