"""Make docs/en/tour.ipynb from docs/en/tour.md: tools/dev/notebook.py [--check].

Text becomes text, a bash block a cell that runs its commands, a titled Python block a cell that
writes the file of its title. Blocks of text (what a command printed) are left out.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / 'docs/en/tour.md'
BLOCK = re.compile(r'```(\w+)(?: title="([^"]+)")?\n(.*?)```\n', re.DOTALL)


def notebook(page: str) -> dict:
    """The cells of a page."""
    cells, end = [], 0
    for block in BLOCK.finditer(page):
        cells.append(_cell('markdown', page[end : block.start()]))
        language, title, body = block.groups()
        if language == 'bash':
            body = ''.join(f'!{line}\n' for line in body.splitlines())
        elif title:
            body = f'%%writefile {title}\n{body}'
        if language != 'text':
            cells.append(_cell('code', body))
        end = block.end()
    cells.append(_cell('markdown', page[end:]))
    kernel = dict(display_name='Python 3', language='python', name='python3')
    cells = [dict(cell, id=f'cell-{k}') for k, cell in enumerate(filter(_has_text, cells))]
    return dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)


def _cell(kind: str, text: str) -> dict:
    cell = dict(cell_type=kind, metadata={}, source=text.strip().splitlines(keepends=True))
    return dict(cell, outputs=[], execution_count=None) if kind == 'code' else cell


def _has_text(cell: dict) -> bool:
    return bool(cell['source'])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='only say whether it is up to date')
    args = parser.parse_args()
    made = json.dumps(notebook(PAGE.read_text(encoding='utf-8')), indent=1, ensure_ascii=False)
    target = PAGE.with_suffix('.ipynb')
    if args.check:
        return int(not target.is_file() or target.read_text(encoding='utf-8') != made + '\n')
    target.write_text(made + '\n', encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
