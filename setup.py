"""Tool settings are in pyproject.toml. Nothing here imports torch or mm*: builds are isolated."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')  # served from semiseg_mm/.mim once installed
CHECKOUT_ONLY = ('dev', 'setup_env.sh', 'run_tests.sh', 'quickstart.sh')  # tools that need .venv
DATA = ('csv', 'json', 'jsonl', 'css', 'html', 'js')
WEIGHTS = 'measured/weights/**/*'  # trained networks, each with a config and a card
NOISE = shutil.ignore_patterns('__pycache__', '*.py[cod]', *CHECKOUT_ONLY)


def version() -> str:
    text = (ROOT / 'semiseg_mm/version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '(.+)'", text).group(1)


def requirements(name: str) -> list[str]:
    lines = (ROOT / f'requirements/{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


class BuildWithMim(build_py):
    """Puts MIM under semiseg_mm/.mim: copied into a wheel, linked for an editable install."""

    def run(self) -> None:
        if not self.editable_mode:  # what a former build left behind must not get into the wheel
            shutil.rmtree(Path(self.build_lib) / 'semiseg_mm', ignore_errors=True)
        super().run()
        base = ROOT if self.editable_mode else Path(self.build_lib)
        mim = base / 'semiseg_mm/.mim'
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for source in (ROOT / name for name in MIM if (ROOT / name).exists()):
            self.place(source, mim / source.name)

    def place(self, source: Path, target: Path) -> None:
        if self.editable_mode:
            with suppress(OSError):  # Windows without the right to make links: a copy
                return target.symlink_to(os.path.relpath(source, target.parent))
        if source.is_dir():
            shutil.copytree(source, target, ignore=NOISE)
        else:
            shutil.copy2(source, target)


extras = {name: requirements(name) for name in ('mminstall', 'onnx', 'efficientnet', 'optional')}
setup(
    name='semiseg_mm',
    version=version(),
    description='Semi-supervised semantic segmentation on mmengine and mmsegmentation',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='semiseg_mm contributors',
    license_expression='Apache-2.0',
    license_files=['LICENSE'],
    keywords='semantic segmentation, semi-supervised learning',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3',
        *(f'Programming Language :: Python :: 3.{minor}' for minor in (10, 11, 12, 13)),
        'Typing :: Typed',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['semiseg_mm', 'semiseg_mm.*']),
    package_data={'semiseg_mm': ['py.typed', WEIGHTS, *(f'**/*.{kind}' for kind in DATA)]},
    entry_points={'console_scripts': ['semiseg_mm = semiseg_mm.main:main']},
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require={
        **extras,
        'all': sorted(set().union(*extras.values())),  # what a user may want; not the test tools
        'tests': requirements('tests'),
    },
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
