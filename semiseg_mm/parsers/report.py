"""What the command report takes."""

from .options import ArgumentParser


def report() -> ArgumentParser:
    parser = ArgumentParser(
        description='Write a page about a training: one HTML file, which needs no other file.'
    )
    parser.add_argument('work_dir', help='of a training, also of one that still goes on')
    parser.add_argument('--out', metavar='FILE', help='default: report.html in the work dir')
    parser.add_argument(
        '--images', type=int, default=6, metavar='N', help='how many images each gallery shows'
    )
    parser.add_argument(
        '--most',
        type=int,
        default=200,
        metavar='N',
        help='look at no more validation images than this to find the worst; 0: at all',
    )
    parser.add_argument(
        '--no-network',
        action='store_true',
        help='leave out what the network has to be run for: galleries, worst images, agreement',
    )
    parser.add_argument('--device', help='such as cpu or cuda:1; default: a GPU if there is one')
    return parser
