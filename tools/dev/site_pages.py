"""Gather the pages of the site in build/docs, and make their links fit: tools/dev/site_pages.py.

README, CONTRIBUTING, CHANGELOG and the pages of configs stand outside of docs/. Links are written
for the repository's browser; here they are turned to the pages of the site. A link to a file that
is no page becomes its text.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / 'build/docs'
LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)')
# Chinese and its punctuation; a browser shows the end of a line between two of these as a space
HAN = '[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]'


def _relative(folder: Path, pattern: str) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sorted(folder.glob(pattern))]


OUTSIDE = {'README.md': 'en/about.md', 'README_zh-CN.md': 'zh/about.md'}
OUTSIDE |= {name: f'en/{name}' for name in ('CONTRIBUTING.md', 'CHANGELOG.md')}
OUTSIDE |= {page: f'en/{page}' for page in _relative(ROOT, 'configs/*/README.md')}


def gather() -> None:
    """Write all pages, and what they show, into the folder that mkdocs reads."""
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(ROOT / 'docs', TARGET, ignore=shutil.ignore_patterns('*.md'))
    for source, uri in {**INSIDE, **OUTSIDE}.items():
        page = TARGET / uri
        page.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / source).read_text(encoding='utf-8')
        page.write_text(turned(text, source, uri), encoding='utf-8')


def turned(text: str, source: str, uri: str) -> str:
    """A page's text with the links of its place in the repository as those of the site."""

    def turn(link: re.Match) -> str:
        image, words, path, anchor = link.groups()
        if not path or re.match(r'[a-z]+:', path):
            return link[0]
        target = site_uri(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        if target is None:
            return words
        if _is_twin(target, uri):
            return (
                f'<a href="{posixpath.relpath(_url(target), _url(uri))}/{anchor or ""}">{words}</a>'
            )
        relative = posixpath.relpath(target, posixpath.dirname(uri))
        return f'{image}[{words}]({relative}{anchor or ""})'

    text = re.sub(rf'(?<={HAN})\n {{0,3}}(?={HAN})', '', text)
    return LINK.sub(turn, text)


def _is_twin(target: str, uri: str) -> bool:
    """Whether a page of the other language is meant, which mkdocs does not see from this one."""
    language, _, page = target.partition('/')
    own = uri.split('/')[0]
    return language != own and f'{own}/{page}' in PAGES


def _url(uri: str) -> str:
    """Where the site shows a page: English ones at the top."""
    return re.sub(r'(/?(index|README))?\.md$', '', uri).removeprefix('en').lstrip('/') or '.'


def site_uri(path: str) -> str | None:
    """Where a file of the repository stands in the site; None if it is no part of it."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    if not path.startswith('docs/'):
        return None
    return path.removeprefix('docs/').replace('zh-CN/', 'zh/')  # the theme's name of the language


INSIDE = {page: site_uri(page) for page in _relative(ROOT, 'docs/**/*.md')}
PAGES = {*INSIDE.values(), *OUTSIDE.values()}


if __name__ == '__main__':
    gather()
