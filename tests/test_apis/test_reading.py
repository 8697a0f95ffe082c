import re

import pytest

from semiseg_mm.apis.cli import _explained
from semiseg_mm.apis.reading import read_config
from semiseg_mm.errors import UserError

BASES = "_base_ = ['semiseg_mm::_base_/methods/fixmatch.py', {!r}]\n"
NETWORK = 'mmseg::_base_/models/fcn_unet_s5-d16.py'
MISTAKES = {
    'x = 1\n\ny = (x\n': r"own.py, line 3: SyntaxError: '\(' was never closed",
    'x = 1\ny = z\n': r"own.py, line 2: NameError: name 'z' is not defined",
    f'{BASES.format(NETWORK)}': r'own.py: two of its bases define model: keep one. .*mmseg::',
    "_base_ = 'semiseg_mm::_base_/methods/fixmatch.py'\nv = _base_.view\n": (
        r"own.py, line 2: no base has view. Did you mean 'views'\?"
    ),
    "_base_ = 'semiseg_mm::_base_/default_runtime.py'\nlog_level = dict(a=1)\n": (
        'own.py: TypeError: log_level=.* cannot inherit'
    ),
    "_base_ = 'configs/none.py'\n": (
        r'A base of \S*own.py does not exist: \S*configs/none.py. .*semiseg_mm::'
    ),
    "_base_ = 'semiseg_mm::_base_/methods/none.py'\n": r'own.py does not exist: \S*/none.py\.',
    "custom_imports = dict(imports=['no_such_module'])\n": 'no_such_module, .* PYTHONPATH=FOLDER',
}


@pytest.mark.parametrize('text', MISTAKES)
def test_a_mistake_in_a_config_is_a_sentence(text, tmp_path):
    (tmp_path / 'own.py').write_text(text)
    with pytest.raises(UserError) as refused:
        read_config(str(tmp_path / 'own.py'))
    assert re.search(MISTAKES[text], str(refused.value)), refused.value


def test_a_mistake_in_a_base_names_the_base(tmp_path):
    (tmp_path / 'base.py').write_text('\nx = 1 / 0\n')
    (tmp_path / 'own.py').write_text("_base_ = './base.py'\n")
    with pytest.raises(UserError, match=r'base.py, line 2: ZeroDivisionError'):
        read_config(str(tmp_path / 'own.py'))


def test_a_mistake_in_a_module_of_the_user_keeps_its_traceback(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'module_of_mine.py').write_text('x = 1 / 0\n')
    (tmp_path / 'own.py').write_text("custom_imports = dict(imports=['module_of_mine'])\n")
    with pytest.raises(ZeroDivisionError):
        read_config(str(tmp_path / 'own.py'))


@pytest.mark.parametrize(
    'error',
    [
        ImportError('Please install some-package to use Head: pip install it'),
        RuntimeError('some-package is not installed'),
    ],
)
def test_a_missing_package_is_named(error):
    def build():
        raise error

    with pytest.raises(UserError, match='pip install some-package, or take another network'):
        _explained(build, None)


def test_other_errors_while_building_keep_their_traceback():
    def build():
        raise RuntimeError('the GPU is not installed well')

    with pytest.raises(RuntimeError, match='well'):
        _explained(build, None)
