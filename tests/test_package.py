import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from semiseg_mm.compat import is_installed
from semiseg_mm.utils.places import METHODS, root_of
from semiseg_mm.version import __version__

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(ROOT.glob('tools/*.sh'))
SHIPPED = ('semiseg_mm', 'configs', 'tools', 'tests', 'requirements', 'model-index.yml')
CHECKOUT_ONLY = ('setup_env.sh', 'run_tests.sh', 'quickstart.sh')  # they need .venv
DATA = ('py.typed', 'datasets/split_registry.csv', 'page/style.css', 'page/values.js')
DATA += ('measured/methods.csv', 'measured/records/shapes/cps/records.jsonl')
DATA += tuple(f'measured/weights/shapes/ael/{name}' for name in ('model.pth', 'MODEL_CARD.md'))
DATA += ('measured/published.csv', 'leaderboard/templates/page.html', 'apis/report/page.html')
LEAF = 'fixmatch_unet-s2_1xb8+8-1k_shapes-30-64x64'
BASES = ('models/unet_s2', 'datasets/shapes', 'methods/fixmatch', 'schedules/sgd_1k_shapes')
BASES += ('default_runtime',)
OWN = """
_base_ = {bases}
_base_.segmentor.backbone.base_channels = 4
_base_.segmentor.decode_head.in_channels = 4
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
"""
TINY = ['train_cfg.max_iters=2', 'val_dataloader.dataset.num_images=2']
TINY += ['train_dataloader.dataset.unlabeled.num_images=8', 'train_dataloader.num_workers=0']
SHIPPED += ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')


def run(*command, timeout=120, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **kwargs)


@pytest.fixture(scope='module')
def wheel_file(tmp_path_factory):
    """A wheel that is built from a copy of the tree."""
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
    return file


@pytest.fixture(scope='module')
def wheel(wheel_file):
    """The names in it."""
    with zipfile.ZipFile(wheel_file) as archive:
        return set(archive.namelist())


@pytest.fixture(scope='module')
def elsewhere(wheel_file, tmp_path_factory):
    """The Python of an environment that has the wheel, and all else from this environment."""
    place = tmp_path_factory.mktemp('environment')
    venv.EnvBuilder(symlinks=True).create(place)
    python = place / 'bin/python'
    options = ('--no-deps', '--no-index', '-q')
    done = run(sys.executable, '-m', 'pip', '--python', python, 'install', *options, wheel_file)
    assert done.returncode == 0, done.stdout + done.stderr
    packages = Path(sysconfig.get_path('purelib', vars=dict(base=str(place))))
    # (only now: pip must not find the package of this environment)
    (packages / 'others.pth').write_text(sysconfig.get_path('purelib'))
    return python


@pytest.mark.parametrize('folder', ['configs', 'tools'])
def test_wheel_holds_every_config_and_tool(wheel, folder):
    files = [p for p in (ROOT / folder).rglob('*') if p.is_file() and '__pycache__' not in p.parts]
    expected = {f'semiseg_mm/.mim/{p.relative_to(ROOT).as_posix()}' for p in files}
    only_here = {f'semiseg_mm/.mim/tools/{name}' for name in CHECKOUT_ONLY}
    left_out = {name for name in expected if '/tools/dev/' in name or name in only_here}
    assert expected - left_out and expected - left_out <= wheel and not left_out & wheel


def test_wheel_holds_the_package_and_nothing_else(wheel):
    expected = {p.relative_to(ROOT).as_posix() for p in ROOT.glob('semiseg_mm/**/*.py')}
    modules = {name for name in wheel if name.endswith('.py') and '/.mim/' not in name}
    assert modules == {name for name in expected if '/.mim/' not in name}
    assert {name.split('/')[0].split('-')[0] for name in wheel} == {'semiseg_mm'}
    assert not [name for name in wheel if name.endswith('.pyc')]
    assert {f'semiseg_mm/{name}' for name in DATA} <= wheel


COMMANDS = f"""
import sys, semiseg_mm
from semiseg_mm.main import main
assert semiseg_mm.__file__.startswith(sys.prefix), semiseg_mm.__file__
from semiseg_mm.apis.quickstart.methods import load_reference
assert load_reference()
tiny = {TINY}
checkpoint = 'work_dirs/mine/iter_2.pth'
for line in (
    ['train', 'mine.py', '--cfg-options', *tiny],
    ['publish', 'mine.py', checkpoint, 'plain.pth', '--network', 'student'],
    ['predict', 'plain.pth', 'photo.png', '--out', 'predicted'],
    ['compare', {LEAF!r}, '--methods', 'fixmatch', '--seeds', '0', '--iters', '2',
     '--cfg-options', *tiny[1:]],
):
    assert main(line) == 0, line
"""


def test_installed_package_works_in_an_empty_folder(elsewhere, tmp_path):
    """Train a config of one's own, publish, predict, compare; nothing of the checkout is used."""
    bases = [f'semiseg_mm::_base_/{name}.py' for name in BASES]
    (tmp_path / 'mine.py').write_text(OWN.format(bases=bases))
    cv2.imwrite(str(tmp_path / 'photo.png'), np.zeros((64, 64, 3), np.uint8))
    env = {'PATH': '/usr/bin:/bin', 'OMP_NUM_THREADS': '1'}
    done = run(elsewhere, '-c', COMMANDS, cwd=tmp_path, env=env, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert cv2.imread(str(tmp_path / 'predicted/labels/photo.png')) is not None
    (comparison,) = tmp_path.glob('work_dirs/compare_*/comparison.md')
    assert '| fixmatch | student | 2 | 1 |' in comparison.read_text()


def test_command_is_installed(elsewhere, tmp_path):
    done = run(elsewhere.with_name('semiseg_mm'), '--version', cwd=tmp_path, env={})
    assert done.stdout == f'semiseg_mm {__version__}\n'


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


def test_all_that_name_the_version_agree():
    citation = (ROOT / 'CITATION.cff').read_text()
    assert f'\nversion: {__version__}\n' in citation
    assert re.search(r'^## (\S+) ', (ROOT / 'CHANGELOG.md').read_text(), re.M)[1] == __version__
    assert f'semiseg_mm-{__version__}-' in (ROOT / 'docs/en/install.md').read_text()
