"""What the commands for a trained network take: predict, publish, export."""

from .options import ArgumentParser

MODEL = (
    'work dir of a training, checkpoint (.pth), published model, or a network that comes with the '
    'package, such as shapes/cps_cutmix'
)
USAGE = """semiseg_mm publish [options] RUN OUT
       semiseg_mm publish [options] CONFIG CHECKPOINT OUT
       semiseg_mm publish [options] --hub DIR --license NAME RUN (or CONFIG CHECKPOINT)"""


def predict() -> ArgumentParser:
    parser = ArgumentParser(description='Label images and videos with a trained network.')
    parser.add_argument('model', help=MODEL)
    parser.add_argument(
        'sources', nargs='+', help="images, folders, globs ('a/*.png'), addresses, videos"
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='where to write')
    parser.add_argument('--config', help='the config, if it does not lie beside the checkpoint')
    parser.add_argument('--network', help='which network, if a training has several')
    parser.add_argument(
        '--scales', nargs='+', type=float, default=[1.0], help='average over these sizes'
    )
    parser.add_argument('--flip', action='store_true', help='average with the mirrored image')
    parser.add_argument('--confidence', action='store_true', help='write confidences as well')
    parser.add_argument('--no-overlays', action='store_true', help='write label maps alone')
    parser.add_argument('--opacity', type=float, default=0.5, help='of the colours in overlays')
    parser.add_argument('--coco', action='store_true', help='write labels.json (COCO, RLE) as well')
    parser.add_argument('--frames', action='store_true', help='write the label map of each frame')
    parser.add_argument('--batch-size', type=int, default=4)
    parser.add_argument('--workers', type=int, default=2, help='processes that load images')
    parser.add_argument('--device', help='such as cpu or cuda:1; default: a GPU if there is one')
    return parser


def publish() -> ArgumentParser:
    parser = ArgumentParser(
        description='Write one network as a plain mmseg model with a model card, or as a folder '
        'for a model hub.',
        usage=USAGE,
    )
    parser.add_argument(
        'names',
        nargs='+',
        metavar='NAME',
        help='the work dir of a training or a checkpoint in one (RUN), or CONFIG and CHECKPOINT; '
        'then the file to write (OUT): the config goes beside it, as .py, and MODEL_CARD.md',
    )
    parser.add_argument('--network', help='which network, if there are several')
    parser.add_argument('--hub', metavar='DIR', help='write this folder for a model hub, not OUT')
    parser.add_argument('--license', help='of the weights, such as apache-2.0 (for the card)')
    parser.add_argument('--preview', metavar='IMAGE', help='a picture for the folder (with --hub)')
    return parser


def export() -> ArgumentParser:
    parser = ArgumentParser(
        description='Write a trained network as an ONNX file, which runs without this package '
        'and without torch.'
    )
    parser.add_argument('model', help=MODEL)
    parser.add_argument('out', help='the file to write (.onnx)')
    parser.add_argument('--config', help='the config, if it does not lie beside the checkpoint')
    parser.add_argument('--network', help='which network, if a training has several')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        metavar=('H', 'W'),
        help='for images of this size alone; default: of any size, where the network allows it',
    )
    parser.add_argument(
        '--probabilities', action='store_true', help='give probabilities, not labels'
    )
    return parser
