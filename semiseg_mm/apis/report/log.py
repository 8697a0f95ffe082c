"""Reads the logs of a training: what it said of itself, its environment, its warnings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from semiseg_mm.engine.terminal import NOISE

LINE = re.compile(r'^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d - \S+ - (\w+) - (.*)$')
SERIOUS = ('WARNING', 'ERROR', 'CRITICAL')
OPENING = re.compile(r'^(Training|Validating|Testing) (\S+)$')
FACT = re.compile(r'^    (work dir|\w+) +(.+)$')
LENGTH = re.compile(r'^\d+ -> (\d+) iterations, (.+)$')
RULE = '-' * 60


class Log(NamedTuple):
    """What the logs of one training say, the newest call last."""

    facts: dict[str, str]  # of the last call that trained
    lists: str  # which lists are read
    length: str  # iterations, and how often each image is seen
    max_iters: int | None
    environment: str  # of the newest call
    warnings: dict[str, int]  # each with its count


def read_logs(files: Iterable[Path]) -> Log:
    """Read logs, which are in the order of their calls."""
    found = Log({}, '', '', None, '', {})
    counts: Counter[str] = Counter()
    for file in files:
        text = file.read_text(encoding='utf-8', errors='replace')
        found = _newer(found, text.splitlines(), counts)
        parts = text.split(f'{RULE}\n', 2)
        if len(parts) == 3 and 'System environment' in parts[1]:
            found = found._replace(environment=parts[1].rstrip())
    return found._replace(warnings=dict(counts))


def _newer(found: Log, lines: list[str], counts: Counter) -> Log:
    for number, line in enumerate(lines):
        start = LINE.match(line)
        if not start:
            continue
        level, said = start.groups()
        if level in SERIOUS and said and not said.startswith(NOISE):
            counts[said] += 1
        opening, length = OPENING.match(said), LENGTH.match(said)
        if opening and opening[1] == 'Training':
            found = found._replace(facts=dict(method=opening[2], **_facts(lines[number + 1 :])))
        elif said.startswith('Lists: '):
            found = found._replace(lists=said.removeprefix('Lists: '))
        elif length:
            found = found._replace(length=said, max_iters=int(length[1]))
    return found


def _facts(lines: list[str]) -> dict[str, str]:
    facts = {}
    for line in lines:
        fact = FACT.match(line)
        if not fact:
            break
        facts[fact[1]] = fact[2]
    return facts
