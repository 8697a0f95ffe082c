"""Where configs and tools lie: in a checkout beside the package, installed inside of it."""

import os
import os.path as osp
from difflib import get_close_matches
from pathlib import Path

from semiseg_mm.errors import UserError

from .choices import nearest

PACKAGE = Path(__file__).resolve().parents[1]
SCOPE = 'semiseg_mm::'


def root_of(package: Path) -> Path:
    """Return the folder that holds configs/ and tools/; an installed package has them in .mim."""
    checkout = package.parent
    return checkout if (checkout / 'configs/_base_/methods').is_dir() else package / '.mim'


ROOT = root_of(PACKAGE)
CONFIGS = ROOT / 'configs'
METHODS = CONFIGS / '_base_/methods'
MEASURED = PACKAGE / 'measured'  # our own results: records, and trained networks
WEIGHTS = MEASURED / 'weights'  # of it: NAME/model.pth as publish writes it; shapes/ael is a NAME


def short_path(path: str | Path) -> str:
    """Return a path relative to this folder where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def config_path(name: str) -> str:
    """Return the file of a config that is named by its path or by its name.

    A path is taken as it is. Otherwise it is one of this package's configs: ``semiseg_mm::`` and
    its path below configs/, or the bare name of a config for an experiment. ``.py`` may be left
    out.
    """
    if osp.isfile(name):
        return name
    leaves = {path.stem: path for path in CONFIGS.glob('[!_]*/*.py')}
    path = name.removeprefix(SCOPE)
    file = path if path.endswith('.py') else f'{path}.py'
    if name.startswith(SCOPE) and (CONFIGS / file).is_file():
        return str(CONFIGS / file)
    stem = osp.basename(file)[:-3]
    if path == name and stem in leaves and osp.dirname(name) == '':
        return str(leaves[stem])
    own = _configs_near(name)
    if own:
        hint = f' Did you mean {own}?'
    elif stem in leaves:
        hint = f' Did you mean {SCOPE}{leaves[stem].relative_to(CONFIGS)}?'
    else:
        hint = nearest(stem, leaves)
    what = 'is a folder' if osp.isdir(name) else 'does not exist'
    raise UserError(f'The config {name} {what}.{hint}')


def _configs_near(name: str) -> str:
    """Return the config that ``semiseg_mm new`` wrote by that name, or one in the named folder."""
    folder = name if osp.isdir(name) else osp.dirname(name)
    stem = osp.basename(osp.normpath(name)).removesuffix('.py')
    made = f'data/{stem}/{stem}.py'
    if folder == '' and osp.isfile(made):
        return made
    found = {path.stem: str(path) for path in Path(folder or '.').glob('*.py')}
    near = get_close_matches(stem, found, n=1, cutoff=0.7)
    return found[near[0]] if near else ''
