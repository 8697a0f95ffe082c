import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from semiseg_mm import compat

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = {'torch': '2.13.0+cpu', 'mmengine': '0.10.12', 'mmcv': '2.3.6', 'mmseg': '1.4.2'}
ORIGINAL = {'torch': '2.1.0', 'mmengine': '0.10.7', 'mmcv': '2.1.0', 'mmseg': '1.2.2'}


@pytest.fixture
def world(monkeypatch):
    """Pretend that these versions and these distributions are installed."""

    def pretend(versions, distributions=()):
        monkeypatch.setattr(compat, 'installed_version', versions.get)
        monkeypatch.setattr(compat, 'is_installed', set(distributions).__contains__)

    return pretend


def message():
    with pytest.raises(ImportError) as caught:
        compat.check_versions()
    return str(caught.value)


def test_this_environment_passes():
    assert compat.check_versions() is None


NIGHTLY = {**DEFAULT, 'torch': '2.14.0.dev20261101'}


@pytest.mark.parametrize('versions', [DEFAULT, ORIGINAL, NIGHTLY])
def test_supported_sets_pass(world, versions):
    world(versions)
    assert compat.check_versions() is None


@pytest.mark.parametrize(
    ('package', 'version', 'bounds'),
    [
        ('mmengine', '0.10.6', '>=0.10.7,<0.11'),
        ('mmengine', '0.11.0', '>=0.10.7,<0.11'),
        ('mmcv', '1.7.2', '>=2.1.0,<2.4'),
        ('mmcv', '2.4.0rc1', '>=2.1.0,<2.4'),
        ('mmseg', '1.2.1', '>=1.2.2,<1.5'),
        ('mmseg', '1.5.0', '>=1.2.2,<1.5'),
        ('mmcv', None, '>=2.1.0,<2.4'),
    ],
)
def test_refusal_names_bounds_found_and_command(world, package, version, bounds):
    world({**DEFAULT, package: version})
    assert message() == (
        f'semiseg_mm: {package} {bounds} is needed, found {version or "none"}. '
        'Run: pip install "onedl-mmengine>=0.10.12,<0.11" "onedl-mmcv>=2.3.6,<2.4" '
        '"onedl-mmsegmentation>=1.4.2,<1.5"'
    )


def test_all_that_is_wrong_is_said_at_once(world):
    world({'torch': '1.13.1'})
    text = message()
    assert 'torch >=2.1 is needed, found 1.13.1; mmengine >=0.10.7,<0.11 is needed' in text
    assert text.count('found none') == 3
    assert 'pip install "torch>=2.1" "onedl-mmengine' in text


def test_torch_alone_leaves_the_rest_alone(world):
    world({**ORIGINAL, 'torch': '2.0.1'}, ['mmengine', 'mmcv', 'mmsegmentation'])
    assert message().endswith('found 2.0.1. Run: pip install "torch>=2.1"')


def test_original_mmseg_narrows_mmcv(world):
    world({**ORIGINAL, 'mmcv': '2.2.0'}, ['mmengine', 'mmcv', 'mmsegmentation'])
    text = message()
    assert 'mmcv >=2.1.0,<2.2.0 is needed, found 2.2.0' in text
    assert 'Run: pip uninstall -y mmengine mmcv mmsegmentation && pip install "onedl-' in text


def test_distributions_that_share_a_folder_are_removed_together(world):
    world({**DEFAULT, 'mmcv': '2.0.0'}, ['mmcv', 'onedl-mmcv', 'torch'])
    assert 'pip uninstall -y mmcv onedl-mmcv && pip install' in message()


def test_version_is_read_from_a_file_and_not_imported(tmp_path, monkeypatch):
    package = tmp_path / 'heavy_package'
    package.mkdir()
    (package / '__init__.py').write_text('raise AssertionError("imported")')
    monkeypatch.syspath_prepend(tmp_path)
    assert compat.installed_version('heavy_package') is None  # no version.py
    (package / 'version.py').write_text("__version__ = '1.2.2'")
    assert compat.installed_version('heavy_package') == '1.2.2'
    assert compat.installed_version('no_such_package') is None


def test_gate_imports_nothing_heavy():
    """The gate must be able to speak where importing mmseg would fail first."""
    file = importlib.util.find_spec('semiseg_mm.compat').origin
    code = (
        f'import runpy, sys; runpy.run_path({file!r})["check_versions"]();'
        'print(sorted({"torch", "mmengine", "mmcv", "mmseg"} & set(sys.modules)))'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_commands_agree_with_the_requirements_file():
    lines = (ROOT / 'requirements/mminstall.txt').read_text().split()
    stated = {n.default for n in compat.NEEDED if n.others}
    assert stated == set(lines)
    for needed in compat.NEEDED:  # the lowest version of the default lies within the bounds
        lowest = needed.default.split('>=')[1].split(',')[0]
        assert Requirement(f'x{needed.bounds}').specifier.contains(lowest)


def test_one_printed_line_is_dropped_and_all_else_passes(capsys):
    with compat.without_printed_line('unwanted'):
        print('before')
        print('unwanted')
        print('unwanted, but with more')
    assert capsys.readouterr().out == 'before\nunwanted, but with more\n'


def test_printed_lines_pass_when_the_import_fails(capsys):
    with pytest.raises(ImportError), compat.without_printed_line('unwanted'):
        print('a reason')
        raise ImportError
    assert capsys.readouterr().out == 'a reason\n'


@pytest.mark.parametrize('tool', ['train', 'dataset_converters/cityscapes'])
def test_help_begins_with_the_usage(tool):
    """The note of onedl-mmsegmentation on a package that nobody needs is not printed."""
    command = [sys.executable, str(ROOT / f'tools/{tool}.py'), '--help']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 'OneDL' not in done.stdout + done.stderr
    assert done.stdout.startswith('usage: ')
