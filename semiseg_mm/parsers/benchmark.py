"""What benchmark takes, part by part."""

from .options import ArgumentParser


def _add_data(parser: ArgumentParser) -> None:
    parser.add_argument('--rounds', type=int, default=7, help='medians are printed')
    parser.add_argument('--images', type=int, default=24, help='files of each kind')
    parser.add_argument(
        '--folder', help='measure with the images of this folder, not with generated ones'
    )
    parser.add_argument('--crop', type=int, default=321, help='for the images of --folder')


def _add_labels(parser: ArgumentParser) -> None:
    parser.add_argument('--rounds', type=int, default=5, help='medians are printed')
    parser.add_argument('--images', type=int, default=64, help='files to label')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--workers', type=int, default=1, help='processes that decode ahead')
    parser.add_argument('--threads', type=int, default=1, help='of torch; predict_labels takes one')


def _add_models(parser: ArgumentParser) -> None:
    parser.add_argument('--rounds', type=int, default=15, help='of each pair; medians are printed')


def _add_scale(parser: ArgumentParser) -> None:
    parser.add_argument('--images', type=int, default=1_000_000, help='unlabeled images')
    parser.add_argument('--workers', type=int, default=2, help='of the data loader')
    parser.add_argument('--iterations', type=int, default=2000, help='with 4 + 4 images each')
    parser.add_argument(
        '--folder', action='store_true', help='no list: search a folder with as many (empty) files'
    )


def _add_step(parser: ArgumentParser) -> None:
    parser.add_argument('--size', type=int, help='of the crops; default: 512 on a GPU, else 64')
    parser.add_argument('--batch', type=int, default=4, help='labeled, and as many unlabeled')
    parser.add_argument('--steps', type=int, help='of a round; default: 12 on a GPU, else 2')
    parser.add_argument('--rounds', type=int, default=5, help='medians are printed')
    parser.add_argument(
        '--model',
        default='deeplabv3plus_r50-d16',
        help="a file of configs/_base_/models, or 'toy': a network of nearly no cost, which shows "
        'what the rest of an iteration costs',
    )
    parser.add_argument('--depth', type=int, help='of a ResNet: 18 for a smaller one')
    parser.add_argument('--methods', nargs='+', help='default: all that have a file')
    parser.add_argument(
        '--modes', nargs='+', choices=['fp32', 'bf16'], help='default: both on a GPU, else fp32'
    )
    parser.add_argument('--json', default='step.json', help='where the figures are written')


PARTS = dict(
    data=(
        'Images a second from file to views, against decoding alone and against resizing whole '
        'images. Seconds are those of the processor: other programs on the machine count little.',
        _add_data,
    ),
    labels=(
        'Images a second of labelling with a small network, against the loop of published scripts.',
        _add_labels,
    ),
    models=('A step of each method against SupOnly, and skipping against replaying.', _add_models),
    scale=(
        'What a long list of unlabeled images costs: seconds at the start, megabytes in a worker.',
        _add_scale,
    ),
    step=(
        'A training iteration of each method against straight-line code with the same network '
        'passes.',
        _add_step,
    ),
)


def benchmark() -> ArgumentParser:
    parser = ArgumentParser(description='Print speeds, measured side by side in one run.')
    parts = parser.add_subparsers(dest='part', required=True, metavar='PART')
    for name, (text, add) in PARTS.items():
        add(parts.add_parser(name, help=text, description=text))
    return parser
