"""Each command of ours that a document shows is one that its tool accepts; nothing is run."""

import argparse
import re
import runpy
import sys
from contextlib import redirect_stderr
from io import StringIO

import pytest
from documents import DOCUMENTS, ROOT, commands

from semiseg_mm.main import COMMANDS, Group, main


class Parsed(Exception):
    """Raised in the place of what a command would do with its arguments."""


def parse(tool: str, words: list[str]) -> None:
    """Give the words to the tool's own parser."""
    if tool == 'semiseg_mm':
        main(words)
    elif tool.endswith('.py'):
        sys.argv = [tool, *words]
        runpy.run_path(str(ROOT / tool), run_name='__main__')
    else:
        shell(tool.removeprefix('tools/'), words)


def shell(script: str, words: list[str]) -> None:
    """The scripts for several processes put words of their own before those of the command."""
    if script == 'dist_train.sh':
        main(['train', words[0], *words[2:]])
    elif script == 'dist_test.sh':
        main(['test', *words[:2], *words[3:]])
    elif script == 'slurm_train.sh':
        main(['train', *words[2:]])
    elif script == 'quickstart.sh':
        main(['quickstart', *words])
    raise Parsed  # the others hand on nothing to a parser of ours


def fault_of(tool: str, words: list[str]) -> str | None:
    """What the parser says against a command; None if it is accepted."""
    said = StringIO()
    try:
        with redirect_stderr(said):
            parse(tool, words)
    except Parsed:
        return None
    except SystemExit as end:
        fault = said.getvalue().strip().splitlines()[-1:]
        stands_for_a_choice = fault and re.search("invalid choice: '[A-Z_]+'", fault[0])
        return None if end.code == 0 or stands_for_a_choice else fault[0]
    return None if '--help' in words or not words else said.getvalue().strip().split('\n')[0]


def is_a_name(words: list[str]) -> bool:
    """Whether the words only name a command, as in a sentence about it."""
    chosen = Group('', COMMANDS)
    for word in words:
        if not isinstance(chosen, Group) or word not in chosen.commands:
            return False
        chosen = chosen.commands[word]
    return True


@pytest.fixture
def parsing(monkeypatch):
    """Commands end where their arguments are read."""
    original = argparse.ArgumentParser.parse_args

    def parse_args(self, args=None, namespace=None):
        original(self, args, namespace)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', parse_args)
    monkeypatch.setattr(sys, 'argv', sys.argv[:])
    monkeypatch.syspath_prepend(str(ROOT / 'tools/dev'))


def test_commands_of_documents_are_accepted(parsing):
    found = [(d, words) for d in DOCUMENTS for words in commands(d)]
    assert len(found) > 100
    faults = []
    for document, (tool, *words) in found:
        fault = None if is_a_name(words) else fault_of(tool, words)
        if fault:
            faults.append(f'{document.relative_to(ROOT)}: {tool} {" ".join(words)}: {fault}')
    assert faults == []


@pytest.mark.parametrize(
    'command, said',
    [
        (['semiseg_mm', 'train', 'a.py', '--ampp'], 'unrecognized arguments: --ampp'),
        (['semiseg_mm', 'trian', 'a.py'], 'there is no command'),
        (['tools/compare.py', 'a.py'], '--methods'),
        (['tools/dist_train.sh', 'a.py', '8', '--no'], 'unrecognized arguments: --no'),
    ],
)
def test_a_wrong_command_is_found(parsing, command, said):
    assert said in fault_of(command[0], command[1:])
