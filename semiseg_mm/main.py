"""The command ``semiseg_mm``: one name for all tools, from any folder.

A command is imported when it is called, so that the list of commands takes no time.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

from semiseg_mm.version import __version__

APIS = 'semiseg_mm.apis'


class Command(NamedTuple):
    help: str
    door: str  # module of apis : function that takes the arguments


class Group(NamedTuple):
    help: str
    commands: dict[str, Command]


COMMANDS: dict[str, Command | Group] = {
    'new': Command('make a dataset and a config of your own photos and masks', 'new:run_new'),
    'train': Command('train a config', 'cli:run_train'),
    'test': Command('evaluate a checkpoint', 'cli:run_test'),
    'predict': Command('label images and videos with a trained network', 'predict:run_predict'),
    'compare': Command('train several methods on the same data, with seeds', 'compare:main'),
    'publish': Command(
        'write one network as a plain mmseg model, or for a model hub', 'publish:run_publish'
    ),
    'export': Command('write a trained network as ONNX', 'export:run_export'),
    'check': Command(
        'look through the images and masks of a config', 'data.check_dataset:run_check_dataset'
    ),
    'browse': Command('draw what a training would see', 'browse:run_browse'),
    'splits': Group(
        'lists of labeled and unlabeled images',
        {
            'get': Command('fetch published lists', 'data.get_splits:run_get_splits'),
            'make': Command('draw lists of your own', 'data.make_splits:run_make_splits'),
        },
    ),
    'labels': Command('export and import pseudo labels (COCO)', 'label_exchange:run_pseudo_labels'),
    'convert': Group(
        'bring a dataset into the layout that is read here',
        {
            'camvid': Command('CamVid', 'data.converters.camvid:run_camvid'),
            'cityscapes': Command('Cityscapes', 'data.converters.cityscapes:run_cityscapes'),
            'coco': Command('COCO', 'data.converters.coco:run_coco'),
            'kitti': Command('KITTI', 'data.converters.kitti:run_kitti'),
            'voc': Command('Pascal VOC with SBD', 'data.converters.voc_sbd:run_voc_sbd'),
        },
    ),
    'quickstart': Command(
        'train three methods on drawn scenes, and compare them', 'quickstart:main'
    ),
    'benchmark': Command('print speeds of this machine', 'benchmark:run_benchmark'),
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
    module, function = chosen.door.split(':')
    sys.argv[0] = name  # argparse shows it as the program
    return getattr(import_module(f'{APIS}.{module}'), function)(rest)


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
