"""The command ``semiseg_mm``: one name for all tools, from any folder.

A command is imported when it is called with words that its parser takes, so that the list of
commands and each ``--help`` take no time.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple

from semiseg_mm.version import __version__

APIS = 'semiseg_mm.apis'
PARSERS = 'semiseg_mm.parsers'


class Command(NamedTuple):
    help: str
    parser: str  # module of parsers : function that returns the parser
    door: str  # module of the package : function that takes the arguments
    package: str = APIS


class Group(NamedTuple):
    help: str
    commands: dict[str, Command]


COMMANDS: dict[str, Command | Group] = {
    'new': Command(
        'make a dataset and a config of your own photos and masks', 'datasets:new', 'new:run_new'
    ),
    'train': Command('train a config', 'training:train', 'cli:run_train'),
    'test': Command('evaluate a checkpoint', 'training:test', 'cli:run_test'),
    'predict': Command(
        'label images and videos with a trained network', 'networks:predict', 'predict:run_predict'
    ),
    'compare': Command(
        'train several methods on the same data, with seeds', 'training:compare', 'compare:main'
    ),
    'leaderboard': Command(
        'make a page of tables from the records of trainings and tests',
        'leaderboard:leaderboard',
        'leaderboard:run_leaderboard',
        package='semiseg_mm',  # without torch
    ),
    'report': Command(
        'write a page about a training: scores, curves, images',
        'report:report',
        'report:run_report',
    ),
    'publish': Command(
        'write one network as a plain mmseg model, or for a model hub',
        'networks:publish',
        'publish:run_publish',
    ),
    'export': Command('write a trained network as ONNX', 'networks:export', 'export:run_export'),
    'check': Command(
        'look through the images and masks of a config',
        'datasets:check',
        'data.check_dataset:run_check_dataset',
    ),
    'browse': Command('draw what a training would see', 'datasets:browse', 'browse:run_browse'),
    'splits': Group(
        'lists of labeled and unlabeled images',
        {
            'get': Command('fetch published lists', 'splits:get', 'data.get_splits:run_get_splits'),
            'make': Command(
                'draw lists of your own', 'splits:make', 'data.make_splits:run_make_splits'
            ),
        },
    ),
    'labels': Command(
        'export and import pseudo labels (COCO)',
        'datasets:labels',
        'label_exchange:run_pseudo_labels',
    ),
    'convert': Group(
        'bring a dataset into the layout that is read here',
        {
            'camvid': Command('CamVid', 'converters:camvid', 'data.converters.camvid:run_camvid'),
            'cityscapes': Command(
                'Cityscapes', 'converters:cityscapes', 'data.converters.cityscapes:run_cityscapes'
            ),
            'coco': Command('COCO', 'converters:coco', 'data.converters.coco:run_coco'),
            'kitti': Command('KITTI', 'converters:kitti', 'data.converters.kitti:run_kitti'),
            'voc': Command(
                'Pascal VOC with SBD', 'converters:voc_sbd', 'data.converters.voc_sbd:run_voc_sbd'
            ),
        },
    ),
    'quickstart': Command(
        'train three methods on drawn scenes, and compare them',
        'training:quickstart',
        'quickstart:main',
    ),
    'benchmark': Command(
        'print speeds of this machine', 'benchmark:benchmark', 'benchmark:run_benchmark'
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run a command with its arguments; without one, list the commands."""
    return _run('semiseg_mm', COMMANDS, list(sys.argv[1:] if argv is None else argv))


def _run(name: str, commands: Mapping[str, Command | Group], words: list[str]) -> int:
    if not words or words[0] in ('-h', '--help', 'help'):
        print(_listing(name, commands))
        return 0
    if words[0] in ('-V', '--version') and commands is COMMANDS:
        print(f'semiseg_mm {__version__}')
        return 0
    word, *rest = words
    if word not in commands:
        return _unknown(name, commands, word)
    name, chosen = f'{name} {word}', commands[word]
    if isinstance(chosen, Group):
        return _run(name, chosen.commands, rest)
    sys.argv[0] = name  # argparse shows it as the program
    function_of(PARSERS, chosen.parser)().parse_args(rest)  # --help ends here, before torch
    return function_of(chosen.package, chosen.door)(rest)


def function_of(package: str, place: str) -> Callable:
    """Import ``module:function`` of a package."""
    module, name = place.split(':')
    return getattr(import_module(f'{package}.{module}'), name)


def _unknown(name: str, commands: Mapping, word: str) -> int:
    from difflib import get_close_matches  # here, as nothing else that is quick needs it

    near = get_close_matches(word, commands, n=1)
    hint = f' Did you mean {near[0]}?' if near else ''
    print(f'{name}: there is no command {word!r}.{hint}\n', file=sys.stderr)
    print(_listing(name, commands), file=sys.stderr)
    return 2


def _listing(name: str, commands: Mapping) -> str:
    width = max(map(len, commands))
    lines = [f'usage: {name} COMMAND [...]', '']
    lines += [f'  {word:<{width}}  {command.help}' for word, command in commands.items()]
    return '\n'.join([*lines, '', f'{name} COMMAND --help says more.'])
