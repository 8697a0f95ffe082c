import subprocess
import sys

import pytest

from semiseg_mm.main import COMMANDS, PARSERS, Group, function_of, main


def every(commands, *words):
    """Yield the words and the command of each command, those of groups as well."""
    for word, command in commands.items():
        if isinstance(command, Group):
            yield from every(command.commands, *words, word)
        else:
            yield [*words, word], command


@pytest.mark.parametrize('words', [[], ['--help'], ['splits'], ['convert', '-h']])
def test_lists_the_commands(capsys, words):
    assert main(words) == 0
    group = COMMANDS.get(words[0]) if words else None
    listed = group.commands if isinstance(group, Group) else COMMANDS
    printed = capsys.readouterr().out
    for name, command in listed.items():
        assert f'  {name}' in printed and command.help in printed


def test_every_command_leads_to_a_parser_and_a_function():
    found = [command for _, command in every(COMMANDS)]
    assert len(found) > 10
    for command in found:
        assert callable(function_of(command.package, command.door)), command
        assert function_of(PARSERS, command.parser)().format_help(), command


def test_a_command_gets_its_words_and_its_name(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['splits', 'make', '--help'])
    assert stopped.value.code == 0
    assert 'usage: semiseg_mm splits make' in capsys.readouterr().out


@pytest.mark.parametrize('words, name', [(['trian'], 'train'), (['splits', 'mak'], 'make')])
def test_a_misspelt_command_names_the_nearest(capsys, words, name):
    assert main(words) == 2
    assert f"there is no command '{words[-1]}'. Did you mean {name}?" in capsys.readouterr().err


HEAVY = ('torch', 'mmengine', 'cv2', 'numpy')
PROBE = f"""
import sys
from semiseg_mm.main import main
for words in {{lines}}:
    try:
        main(words)
    except SystemExit as stopped:
        assert stopped.code == (2 if 'x' in words else 0), words
    heavy = [name for name in {HEAVY} if name in sys.modules]
    assert not heavy, (words, heavy)
"""


def test_list_help_and_a_wrong_word_need_no_torch():
    lines = [[], *([*words, '--help'] for words, _ in every(COMMANDS)), ['train', 'x', '--ampp']]
    assert ['train', '--help'] in lines and ['splits', 'get', '--help'] in lines
    done = subprocess.run(
        [sys.executable, '-c', PROBE.format(lines=lines)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('usage: semiseg_mm') == len(lines) - 1
    assert 'unrecognized arguments: --ampp' in done.stderr
