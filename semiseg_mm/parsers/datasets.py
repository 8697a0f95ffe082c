"""What the commands for datasets take: new, check, browse, labels."""

from .options import ArgumentParser, OptionsAction

NEW = """
Masks are found by the names of the images: x.jpg has x.png, x.jpg.png or x_mask.png. Instead of a
folder of masks, --masks takes annotations of labelme, COCO, CVAT (for images 1.1) or Supervisely.
Images without a mask are unlabeled. Nothing of yours is changed. See docs/en/your_own_data.md.
"""
LABELS = """
The COCO file has one annotation for each class of an image, as RLE. On import polygons and RLE may
be mixed; where annotations overlap, the later one in the file lies on top, and pixels without
annotation become 255, ignored. Categories are matched by name, since annotation tools number them
anew.
"""


def new() -> ArgumentParser:
    parser = ArgumentParser(
        description='Make a dataset of your own photos and masks, and a config that trains on it. '
        'On a terminal it asks for what is not given.',
        epilog=NEW,
    )
    parser.add_argument('name', nargs='?', help='of the dataset; it is written to data/NAME')
    parser.add_argument('--images', metavar='FOLDER', help='images, with and without masks')
    parser.add_argument('--masks', metavar='PATH', help='folder of masks, or annotations')
    parser.add_argument(
        '--unlabeled', nargs='+', default=[], metavar='FOLDER', help='more images without masks'
    )
    parser.add_argument('--val-images', metavar='FOLDER', help='images to validate with')
    parser.add_argument('--val-masks', metavar='PATH', help='their masks or annotations')
    parser.add_argument(
        '--val-share',
        default='1/5',
        metavar='SHARE',
        help='without --val-images: how many of the labeled images validate (default: 1/5)',
    )
    parser.add_argument(
        '--classes',
        nargs='+',
        default=[],
        metavar='NAME',
        help='in the order of their numbers; NAME=VALUE or NAME=#RRGGBB says which value it is',
    )
    parser.add_argument(
        '--ignore',
        nargs='+',
        default=[],
        metavar='VALUE',
        help='values of masks that count for nothing: a number, #RRGGBB, or none',
    )
    parser.add_argument(
        '--rest',
        choices=['background', 'ignore'],
        default='background',
        help='what pixels without a shape are, in annotations (default: class 0, background)',
    )
    parser.add_argument(
        '--max-rounded',
        type=float,
        default=0.05,
        metavar='SHARE',
        help='refuse masks with more pixels between the classes (default: 0.05)',
    )
    parser.add_argument('--out', metavar='FOLDER', help='where to write; default: data/NAME')
    parser.add_argument('--copy', action='store_true', help='copy the images instead of linking')
    parser.add_argument(
        '--device', choices=['cpu', 'gpu'], help='what to propose for; default: what is here'
    )
    return parser


def check() -> ArgumentParser:
    parser = ArgumentParser(
        description='Read every image and mask of a config and say what is wrong with them. '
        'Exit status: 0 all well, 1 errors.'
    )
    parser.add_argument('config')
    parser.add_argument('--workers', type=int, default=8, help='threads that read files')
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE')
    return parser


def browse() -> ArgumentParser:
    parser = ArgumentParser(
        description='Draw what a training would see: every view of its first images, on one sheet.'
    )
    parser.add_argument('config')
    parser.add_argument('--out', metavar='FILE', help='default: browse_<config name>.png, here')
    parser.add_argument('--labeled', type=int, default=4, help='how many labeled images')
    parser.add_argument('--unlabeled', type=int, default=8, help='how many unlabeled images')
    parser.add_argument(
        '--model', help='work dir or checkpoint of the training, for pseudo labels as well'
    )
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE')
    return parser


def labels() -> ArgumentParser:
    parser = ArgumentParser(
        description='Write label maps as a COCO file, to be corrected, and read such a file.',
        epilog=LABELS,
    )
    commands = parser.add_subparsers(dest='command', required=True)
    export = commands.add_parser('export', help='label maps → COCO file', epilog=LABELS)
    export.add_argument('label_dir', help='folder of label maps, or of a label stage')
    export.add_argument('out', help='the .json to write')
    export.add_argument(
        '--images',
        metavar='FOLDER',
        help='the folder (or glob) of the images, to name them with their suffix; without it they '
        'are named by their ids',
    )
    load = commands.add_parser('import', help='COCO file → label maps', epilog=LABELS)
    load.add_argument('source', help='the .json to read')
    load.add_argument('label_dir', help='where to write the label maps')
    load.add_argument(
        '--max-pixels',
        type=int,
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
    return parser
