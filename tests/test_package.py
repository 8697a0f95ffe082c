import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from semiseg_mm.compat import is_installed
from semiseg_mm.utils.places import METHODS, root_of

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(ROOT.glob('tools/*.sh'))
SHIPPED = ('semiseg_mm', 'configs', 'tools', 'tests', 'requirements', 'model-index.yml')
SHIPPED += ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **kwargs)


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Names in a wheel that is built from a copy of the tree."""
    # (looking for pip as a module would take distutils away from setuptools in this process)
    missing = [m for m in ('pip', 'setuptools', 'wheel') if not is_installed(m)]
    if missing:
        pytest.skip(f'no {", ".join(missing)} here')
    tmp = tmp_path_factory.mktemp('package')
    for source in (ROOT / name for name in SHIPPED if (ROOT / name).exists()):
        if source.is_dir():
            ignore = shutil.ignore_patterns('.mim', '__pycache__')
            shutil.copytree(source, tmp / source.name, ignore=ignore)
        else:
            shutil.copy2(source, tmp)
    stale = tmp / 'build/lib/semiseg_mm/removed_long_ago.py'  # of a former build
    stale.parent.mkdir(parents=True)
    stale.touch()
    options = ('--no-deps', '--no-build-isolation', '--no-index', '-q')
    done = run(sys.executable, '-m', 'pip', 'wheel', *options, '-w', tmp / 'out', '.', cwd=tmp)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp / 'semiseg_mm/.mim').exists()  # the source tree stays as it was
    (file,) = (tmp / 'out').glob('semiseg_mm-*.whl')
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize('folder', ['configs', 'tools'])
def test_wheel_holds_every_config_and_tool(wheel, folder):
    files = [p for p in (ROOT / folder).rglob('*') if p.is_file() and '__pycache__' not in p.parts]
    expected = {f'semiseg_mm/.mim/{p.relative_to(ROOT).as_posix()}' for p in files}
    assert expected and expected <= wheel


def test_wheel_holds_the_package_and_nothing_else(wheel):
    expected = {p.relative_to(ROOT).as_posix() for p in ROOT.glob('semiseg_mm/**/*.py')}
    modules = {name for name in wheel if name.endswith('.py') and '/.mim/' not in name}
    assert modules == {name for name in expected if '/.mim/' not in name}
    assert {name.split('/')[0].split('-')[0] for name in wheel} == {'semiseg_mm'}
    assert not [name for name in wheel if name.endswith('.pyc')]
    assert 'semiseg_mm/datasets/split_registry.csv' in wheel


@pytest.mark.parametrize('script', [*SCRIPTS, ROOT / '.ci/run'], ids=lambda p: p.name)
def test_script_parses_and_may_be_executed(script):
    done = run('bash', '-n', script)
    assert done.returncode == 0, done.stderr
    assert script.stat().st_mode & 0o100


@pytest.mark.parametrize(
    ('script', 'arguments'),
    [
        ('dist_train.sh', []),
        ('dist_train.sh', ['config.py']),
        ('dist_train.sh', ['config.py', '--amp']),
        ('dist_train.sh', ['config.py', '0']),
        ('dist_test.sh', []),
        ('dist_test.sh', ['config.py', 'iter_1.pth', 'two']),
        ('slurm_train.sh', ['partition', 'job']),
    ],
)
def test_script_says_its_usage(script, arguments):
    done = run('bash', ROOT / 'tools' / script, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ') and not done.stdout


@pytest.mark.parametrize(
    ('script', 'arguments', 'expected'),
    [
        ('dist_train.sh', ['a b.py', '3', '--amp'], ['train.py', 'a b.py', '--amp']),
        ('dist_test.sh', ['c.py', 'x.pth', '3', '--amp'], ['test.py', 'c.py', 'x.pth', '--amp']),
    ],
)
def test_script_hands_its_arguments_on(tmp_path, script, arguments, expected):
    """From any folder; the Python is replaced by one that prints what it was given."""
    python = tmp_path / 'python'
    python.write_text('#!/bin/bash\nprintf "%s\\n" "$PYTHONPATH" "$@"\nexit 7\n')
    python.chmod(0o755)
    env = {'PATH': '/usr/bin:/bin', 'PYTHON': str(python)}
    done = run('bash', ROOT / 'tools' / script, *arguments, cwd=tmp_path, env=env)
    assert done.returncode == 7, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == str(ROOT) and '--nproc-per-node=3' in lines
    rest = lines[lines.index(str(ROOT / 'tools' / expected[0])) + 1 :]
    assert [a for a in rest if a not in ('--launcher', 'pytorch')] == expected[1:]
    assert rest[rest.index('--launcher') + 1] == 'pytorch'


def test_slurm_script_asks_for_no_more_gpus_than_there_are_processes(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    env = {'PATH': f'{tmp_path}:/usr/bin:/bin', 'GPUS': '2', 'SRUN_ARGS': '--time=1 --exclusive'}
    done = run('bash', ROOT / 'tools/slurm_train.sh', 'part', 'job', 'c.py', '--amp', env=env)
    lines = done.stdout.splitlines()
    assert {'--gres=gpu:2', '--ntasks=2', '--time=1', '--exclusive'} <= set(lines)
    assert lines[-4:] == ['c.py', '--launcher', 'slurm', '--amp']


def test_only_commands_import_commands():
    """Networks, data, stages and what tests are made of work without semiseg_mm.apis."""
    files = [file for file in (ROOT / 'semiseg_mm').rglob('*.py') if 'apis' not in file.parts]
    assert len(files) > 50
    importing = re.compile(r'^\s*(from|import) (semiseg_mm|\.+)\.?apis\b', re.MULTILINE)
    assert not [file for file in files if importing.search(file.read_text())]


def test_configs_are_found_in_a_checkout_and_in_an_installed_package(tmp_path):
    assert ROOT / 'configs/_base_/methods' == METHODS and (METHODS / 'cps.py').is_file()
    package = tmp_path / 'site-packages/semiseg_mm'
    (package / '.mim/configs').mkdir(parents=True)
    assert root_of(package) == package / '.mim'
    (tmp_path / 'site-packages/configs').mkdir()  # of another package
    assert root_of(package) == package / '.mim'
