"""What ``splits get`` and ``splits make`` take."""

import csv
from pathlib import Path

from .options import ArgumentParser

REGISTRY = Path(__file__).parents[1] / 'datasets/split_registry.csv'
PLACES = dict(voc='data/VOCdevkit/VOC2012/splits', cityscapes='data/cityscapes/splits')
GET = """
A split is written as OUT/<folder>/<split>/labeled.txt and unlabeled.txt, one id a line: the folder
is the family's name, except for cps on voc, where it is blended_cps (train_aug_*) or pseudoseg_cps
(pseudoseg_*). So a config names it as split='splits/blended_cps/1_8'. Other lists (val, the whole
training set) become OUT/<folder>/<name>.txt. All lists are checked before any is written.
"""
MAKE = """
A split is written as OUT/<size>/labeled.txt and unlabeled.txt (OUT/<size>/split_<k>/ with several
folds); 1/8 becomes 1_8, --per-class 10 becomes 10_per_class. Formats: unimatch is "image mask",
paths below the folder that holds both; stpp is the same in <size>/split_<k>/; cps is
"/image<tab>/mask" in train_aug_labeled_1-8.txt.
"""


def get() -> ArgumentParser:
    parser = ArgumentParser(
        description='Fetch the lists of a published family, check and convert them.', epilog=GET
    )
    parser.add_argument('family', choices=_families())
    parser.add_argument('dataset', choices=sorted(PLACES))
    parser.add_argument(
        '--from',
        dest='source',
        metavar='FOLDER',
        help="a copy of the family's repository, or of the folder with its lists: no download",
    )
    parser.add_argument(
        '--out',
        metavar='FOLDER',
        help='default: ' + ', '.join(f'{path} ({name})' for name, path in PLACES.items()),
    )
    parser.add_argument('--only', nargs='+', metavar='SPLIT', help='these splits: 1_8 1_4')
    parser.add_argument('--overwrite', action='store_true', help='replace lists that differ')
    return parser


def make() -> ArgumentParser:
    parser = ArgumentParser(description='Draw labeled and unlabeled lists.', epilog=MAKE)
    parser.add_argument('images', help='a folder of images (searched recursively), or an id list')
    parser.add_argument('--labeled', nargs='+', metavar='N', help='sizes: 100, 1/8 or 0.125')
    parser.add_argument(
        '--per-class',
        nargs='+',
        type=int,
        metavar='N',
        help='instead of sizes: each class is in at least N labeled images, drawn at random for '
        'one class after the other, the rarest first (needs --masks)',
    )
    parser.add_argument('--out', required=True, metavar='FOLDER')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--folds', type=int, default=1, help='independent draws of each size')
    parser.add_argument(
        '--nested', action='store_true', help='a larger labeled list contains the smaller ones'
    )
    parser.add_argument(
        '--group',
        metavar='REGEX',
        help='what makes a video sequence or city in an id, "^[a-z]+" say (its first bracket '
        'counts): whole groups are labeled, so sizes are as near as they get',
    )
    parser.add_argument(
        '--masks',
        metavar='FOLDER',
        help='masks of the images, same names: first the images that add most classes are taken, '
        'then random ones; images without a mask stay unlabeled',
    )
    parser.add_argument('--ignore', type=int, default=255, help='value in masks that is no class')
    parser.add_argument(
        '--min-pixels',
        type=int,
        default=1,
        metavar='N',
        help='an image with fewer pixels of a class does not count for it (default: 1)',
    )
    parser.add_argument('--format', choices=['ours', 'unimatch', 'stpp', 'cps'], default='ours')
    parser.add_argument('--overwrite', action='store_true', help='replace lists that differ')
    return parser


def _families() -> list[str]:
    with open(REGISTRY, encoding='utf-8', newline='') as file:
        return sorted({row['family'] for row in csv.DictReader(file)})
