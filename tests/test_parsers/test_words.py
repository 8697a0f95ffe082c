import argparse

import pytest

from semiseg_mm.errors import UserError
from semiseg_mm.parsers import datasets
from semiseg_mm.parsers.options import OptionsAction, parse_options


def test_words_are_read_as_mmengine_does():
    words = ['a.b=1', 'c=[1,(2,x)]', 'd=1,2', 'e=None', "f='[a]'", 'g=a=b', 'h=', 'i=/a (b/c']
    expected = {
        'a.b': 1, 'c': [1, (2, 'x')], 'd': [1, 2], 'e': None, 'f': ['a'], 'g': 'a=b', 'h': '',
        'i': '/a(b/c',
    }  # fmt: skip
    assert parse_options(words) == expected


@pytest.mark.parametrize('value', ['[1,2', '(1', '1,2]', '[(1,2]', '(a),(b)', "'[1", '[' * 9999])
def test_brackets_must_match(value):
    with pytest.raises(UserError, match='brackets that do not match'):
        parse_options([f'a={value}'])


@pytest.mark.parametrize('word', ['a', '', '=1', 'a..b=1', '.a=1'])
def test_a_word_has_a_key_and_a_value(word):
    with pytest.raises(UserError, match='not of the form KEY=VALUE'):
        parse_options([word])


def test_a_command_line_collects_them_and_says_what_is_wrong(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    words = ['--cfg-options', 'a=1', 'b=2', '--cfg-options', 'a=3']
    assert parser.parse_args(words).cfg_options == dict(a=3, b=2)
    assert parser.parse_args([]).cfg_options is None
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a=[1'])
    assert "argument --cfg-options: The value in 'a=[1' has brackets" in capsys.readouterr().err


def test_an_option_with_a_slip_is_met_with_the_one_that_is_meant(capsys):
    with pytest.raises(SystemExit):
        datasets.new().parse_args(['mine', '--msaks', 'folder'])
    assert '--msaks folder (did you mean --masks?)' in capsys.readouterr().err
