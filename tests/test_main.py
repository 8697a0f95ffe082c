import subprocess
import sys
from importlib import import_module

import pytest

from semiseg_mm.main import APIS, COMMANDS, Group, main


def doors(commands):
    for command in commands.values():
        if isinstance(command, Group):
            yield from doors(command.commands)
        else:
            yield command.door


@pytest.mark.parametrize('words', [[], ['--help'], ['splits'], ['convert', '-h']])
def test_lists_the_commands(capsys, words):
    assert main(words) == 0
    group = COMMANDS.get(words[0]) if words else None
    listed = group.commands if isinstance(group, Group) else COMMANDS
    printed = capsys.readouterr().out
    for name, command in listed.items():
        assert f'  {name}' in printed and command.help in printed


def test_every_command_leads_to_a_function():
    found = [door.split(':') for door in doors(COMMANDS)]
    assert len(found) > 10
    for module, function in found:
        assert callable(getattr(import_module(f'{APIS}.{module}'), function)), (module, function)


def test_a_command_gets_its_words_and_its_name(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['splits', 'make', '--help'])
    assert stopped.value.code == 0
    assert 'usage: semiseg_mm splits make' in capsys.readouterr().out


@pytest.mark.parametrize('words, name', [(['trian'], 'train'), (['splits', 'mak'], 'make')])
def test_a_misspelt_command_names_the_nearest(capsys, words, name):
    assert main(words) == 2
    assert f"there is no command '{words[-1]}'. Did you mean {name}?" in capsys.readouterr().err


def test_the_list_needs_no_torch():
    code = 'import sys; from semiseg_mm.main import main; main([]); print("torch" in sys.modules)'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == 'False'
