"""What the tests of the documents read in them: links, anchors, commands."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / name for name in ('README.md', 'README_zh-CN.md', 'CONTRIBUTING.md')]
DOCUMENTS += sorted(ROOT.glob('docs/**/*.md')) + sorted(ROOT.glob('configs/**/README.md'))
LINK = re.compile(r'\[[^\]]*\]\(([^)\s#]*)(?:#([^)\s]*))?\)')  # path, anchor
FENCE = re.compile(r'^ *```(\w*)[^\n]*\n(.*?)^ *```', re.DOTALL | re.MULTILINE)
COMMAND = re.compile(
    r'(?:\w+=\S+ )*(?:timeout \S+ )?'
    r'(semiseg_mm|(?:python |bash )?tools/[\w/]+\.(?:py|sh))(?= |$)(.*)'
)
END = re.compile(r' (?:#|\||>|&&|;|\d?>)')  # of a command in a shell line


def blocks(document: Path) -> list[str]:
    """The Python code of a document, block by block."""
    return re.findall(r'```python[^\n]*\n(.*?)```', document.read_text(encoding='utf-8'), re.DOTALL)


def links(document: Path) -> list[tuple[str, str]]:
    """Path and anchor of each link, without those to other sites."""
    found = LINK.findall(document.read_text(encoding='utf-8'))
    return [(path, anchor) for path, anchor in found if not re.match(r'[a-z]+:', path)]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and the site name them."""
    text = FENCE.sub('', document.read_text(encoding='utf-8'))
    headings = re.findall(r'^#+ +(.+?) *$', text, re.MULTILINE)
    words = [re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading) for heading in headings]
    return {re.sub(r'[^\w\- ]', '', word.lower()).replace(' ', '-') for word in words}


def commands(document: Path) -> list[list[str]]:
    """The words of each command of ours: in indented or fenced blocks, or in backticks."""
    text = document.read_text(encoding='utf-8')
    fenced = [body for language, body in FENCE.findall(text) if language != 'python']
    text = FENCE.sub('', text)
    lines = '\n'.join([*fenced, *re.findall(r'^(?: {4}|\t)(.*)$', text, re.MULTILINE)])
    lines = lines.replace('\\\n', ' ').splitlines()
    inline = re.findall(r'`([^`\n]+)`', re.sub(r'^ {4}.*$', '', text, flags=re.MULTILINE))
    found = []
    for line in [*lines, *inline]:
        match = COMMAND.match(line.strip().removeprefix('!').removeprefix('$ '))
        if match:
            words = END.split(f' {match[2]}')[0].replace('[', '').replace(']', '')
            found.append(
                [match[1].removeprefix('python ').removeprefix('bash '), *shlex.split(words)]
            )
    return found
