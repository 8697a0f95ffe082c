"""What train, test, compare and quickstart take."""

from .options import ArgumentParser, OptionsAction

BACKENDS = dict(  # of --vis
    tensorboard='TensorboardVisBackend', wandb='WandbVisBackend', mlflow='MLflowPngBackend'
)


def train() -> ArgumentParser:
    parser = ArgumentParser(description='Train a config.')
    _add_common(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on with the newest checkpoint in the work dir that loads, or with this one',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='float16',
        choices=['float16', 'bfloat16'],
        help='mixed precision, by default in float16 (needs a GPU); bfloat16 works on CPUs too',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate to the actual batch, by the config's base_batch_size",
    )
    parser.add_argument(
        '--sup-only',
        action='store_true',
        help='train the yardstick: the same network, stream and schedule, labeled images only',
    )
    parser.add_argument(
        '--vis',
        nargs='+',
        choices=list(BACKENDS),
        default=[],
        help='send numbers and pictures there as well, beside the files in the work dir',
    )
    return parser


def test() -> ArgumentParser:
    parser = ArgumentParser(description='Evaluate a checkpoint.')
    _add_common(parser)
    parser.add_argument(
        'checkpoint',
        help='a file (.pth), a work dir (its newest one), or a network that comes with the package',
    )
    parser.add_argument('--network', help='evaluate this network alone (student, teacher, …)')
    parser.add_argument(
        '--out', metavar='DIR', help='write the predictions there as PNG, named as the images are'
    )
    return parser


def _add_common(parser: ArgumentParser) -> None:
    parser.add_argument('config')
    parser.add_argument('--work-dir', help='where to write; default: work_dirs/<config name>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help="override the config, e.g. train_cfg.max_iters=1000 model.weight=2 key='[a,b]'",
    )
    parser.add_argument(
        '--verbose', action='store_true', help='print all settings, not to the log file alone'
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument(
        '--local-rank', '--local_rank', type=int, default=0, help='set by launchers'
    )


def compare() -> ArgumentParser:
    parser = ArgumentParser(
        description='Train several methods on the network, labels, stream and iterations of one '
        'config.'
    )
    parser.add_argument('config', help='the base: whatever is not the method comes from it')
    parser.add_argument(
        '--methods',
        nargs='+',
        required=True,
        metavar='[LABEL=]NAME',
        help='files of configs/_base_/methods without .py, or names or paths of leaves',
    )
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--iters', type=int, help='short for train_cfg.max_iters')
    parser.add_argument('--work-dir', help='default: work_dirs/compare_<config>[_<N>-iters]')
    parser.add_argument(
        '--launcher',
        choices=['none', 'slurm'],
        default='none',
        help='slurm: trainings are tasks of an array job; the same command collects the results',
    )
    parser.add_argument(
        '--jobs', type=int, help='runs at once; default: one a GPU, or up to three on a CPU'
    )
    parser.add_argument(
        '--minutes',
        type=float,
        help='then stop the trainings, which save; exit status 75: the same command goes on',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help='for all methods',
    )
    parser.add_argument(
        '--method-options',
        nargs='+',
        default=[],
        metavar='LABEL[,LABEL]:KEY=VALUE',
        help='for some methods, e.g. fixmatch:model.filter.value=0.8',
    )
    return parser


def quickstart() -> ArgumentParser:
    parser = ArgumentParser(
        description='Train three methods on the embedded dataset with the same few labels, and '
        'compare them.'
    )
    parser.add_argument('--iters', type=int, help='shorten the trainings, for a quick look')
    parser.add_argument('--seed', type=int, help="default: the configs'")
    parser.add_argument(
        '--work-dir', help='default: work_dirs/quickstart, with a suffix for --iters and --seed'
    )
    parser.add_argument(
        '--full-labels', action='store_true', help='also train SupOnly with 1000 labeled images'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=OptionsAction, metavar='KEY=VALUE', help='for all'
    )
    return parser
