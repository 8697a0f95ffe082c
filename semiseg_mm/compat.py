"""The version gate. Versions are read from files: importing a wrong mmseg would fail first."""

import contextlib
import io
import runpy
import sys
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet


class Needed(NamedTuple):
    package: str  # import name
    bounds: str  # works with these
    default: str  # what to install: as in requirements/mminstall.txt
    others: tuple[str, ...] = ()  # distributions of the same import name, to be removed first


NEEDED = (
    Needed('torch', '>=2.1', 'torch>=2.1'),
    Needed('mmengine', '>=0.10.7,<0.11', 'onedl-mmengine>=0.10.12,<0.11', ('mmengine',)),
    Needed('mmcv', '>=2.1.0,<2.4', 'onedl-mmcv>=2.3.6,<2.4', ('mmcv', 'mmcv-full', 'mmcv-lite')),
    Needed('mmseg', '>=1.2.2,<1.5', 'onedl-mmsegmentation>=1.4.2,<1.5', ('mmsegmentation',)),
)
OLD_MMSEG, ITS_MMCV = '>=1.2.2,<1.3', '>=2.1.0,<2.2.0'  # the original mmseg refuses any newer mmcv


def installed_version(package: str) -> str | None:
    """What `import package` would load, or None; of a package without a version.py, too."""
    spec = util.find_spec(package)
    if spec is None:
        return None
    for folder in spec.submodule_search_locations or ():
        file = Path(folder, 'version.py')
        if file.is_file():
            try:
                return runpy.run_path(str(file))['__version__']
            except metadata.PackageNotFoundError:  # left-over files of an uninstalled package
                return None
    return None


@contextlib.contextmanager
def without_printed_line(unwanted: str) -> Iterator[None]:
    """Drop each printed line that is just ``unwanted``; all other output follows at the end."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        lines = printed.getvalue().splitlines(keepends=True)
        sys.stdout.write(''.join(line for line in lines if line.strip() != unwanted))


def is_installed(distribution: str) -> bool:
    try:
        return bool(metadata.version(distribution))
    except metadata.PackageNotFoundError:
        return False


def pip_command(wrong: set[str]) -> str:
    """One command that ends in a tested set: the mm* packages are only ever replaced together."""
    mm = wrong != {'torch'}
    chosen = [n for n in NEEDED if n.package in wrong or (mm and n.package != 'torch')]
    install = 'pip install ' + ' '.join(f'"{n.default}"' for n in chosen)
    old = [other for n in chosen for other in n.others if is_installed(other)]
    if not old:
        return install
    # Both distributions of a name share a folder: removing one alone would break the other.
    names = [Requirement(n.default).name for n in chosen if n.others]
    return f'pip uninstall -y {" ".join(old + list(filter(is_installed, names)))} && {install}'


def check_versions() -> None:
    """Raise ImportError if torch, mmengine, mmcv or mmseg is missing or outside its bounds."""
    found = {n.package: installed_version(n.package) for n in NEEDED}
    bounds = {n.package: n.bounds for n in NEEDED}
    if found['mmseg'] and SpecifierSet(OLD_MMSEG).contains(found['mmseg'], prereleases=True):
        bounds['mmcv'] = ITS_MMCV
    wrong = {
        package: found[package]
        for package, bound in bounds.items()
        if not found[package] or not SpecifierSet(bound).contains(found[package], prereleases=True)
    }
    if wrong:
        said = '; '.join(
            f'{package} {bounds[package]} is needed, found {version or "none"}'
            for package, version in wrong.items()
        )
        raise ImportError(f'semiseg_mm: {said}. Run: {pip_command(set(wrong))}')


def name_packages_for_configs() -> None:
    """Let configs name others by package: ``semiseg_mm::…``, and ``mmseg::…`` of any distribution.

    mmengine looks for the distribution 'mmsegmentation', which the default one is not called, and
    ``get_config`` would then install it beside. By the import name it finds whichever is there. A
    process that has not imported mmengine yet is left alone.
    """
    utils = sys.modules.get('mmengine.config.utils')
    if utils is not None:
        utils.MODULE2PACKAGE.update(semiseg_mm='semiseg_mm', mmseg='mmseg')
