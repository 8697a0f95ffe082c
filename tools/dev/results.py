"""Write every table of our own results from the records: tools/dev/results.py.

The records are semiseg_mm/measured/records/TABLE/METHOD/records.jsonl. The order of the methods,
and titles that are not the name of a collection, stand in semiseg_mm/measured/methods.csv. A page
has a table between the marks ``<!-- shapes-table -->`` and ``<!-- /shapes-table -->``; the first
mark may name the methods: ``<!-- shapes-table: st sup_only_2000 -->``; ``weights-table`` is that of
the networks that come with the package. Metafiles get the results of their leaves.
``--add TABLE FILE...`` takes in records of a training first; ``--method`` gives them another name
than that of their leaf, ``sup_only_3000`` say.
"""

import argparse
import csv
import re
import sys
from functools import lru_cache
from pathlib import Path

import yaml
from added_records import add_records

from semiseg_mm.apis.command import guarded
from semiseg_mm.apis.trained_files import checkpoint_of, read_weights, shipped
from semiseg_mm.errors import UserError
from semiseg_mm.leaderboard.gains import paired_gain
from semiseg_mm.records.measured import YARDSTICK, Row, measured, tables
from semiseg_mm.utils import atomic_write_text
from semiseg_mm.utils.places import MEASURED

ROOT = Path(__file__).resolve().parents[2]
MARKED = re.compile(r'(<!-- (\w+)-table(?:: ([\w ]+))? -->\n).*?(<!-- /\2-table -->)', re.DOTALL)
RESULTS = re.compile(r'\n  Results:.*\Z', re.DOTALL)  # the last key of a model
YARDSTICKS = (YARDSTICK, 'sup_only_colours')
NAMES = dict(en='name', zh='名称')
WORDS = dict(
    en=('method', 'network', 'seed', 'mean ± std', 'labels', 'over SupOnly (p)'),
    zh=('方法', '网络', '种子', '均值 ± 标准差', '标注数', '比 SupOnly (p)'),
)
OF_ANY_LENGTH = re.compile(rf'{YARDSTICK}(_\d+)?')  # the yardstick, and longer trainings of it


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    what = 'add the last scores of these records.jsonl to a table first'
    parser.add_argument('--add', nargs='+', metavar=('TABLE', 'FILE'), help=what)
    parser.add_argument('--method', help='what methods.csv calls these records, if not as they do')
    return guarded(_run, parser.parse_args())


def _run(args: argparse.Namespace) -> None:
    if args.add:
        table, *files = args.add
        print(add_records(table, files, list(titles('en')), args.method))
    for path, text in generated().items():
        if path.read_text(encoding='utf-8') != text:
            atomic_write_text(str(path), text)
            print(path.relative_to(ROOT))


def generated() -> dict[Path, str]:
    """Return what each page and metafile with results has to say."""
    found = {}
    pages = [*ROOT.glob('README*.md'), *ROOT.glob('docs/*/*.md'), *ROOT.glob('configs/*/README.md')]
    for path in sorted(pages):
        text = path.read_text(encoding='utf-8')
        if MARKED.search(text):
            found[path] = MARKED.sub(lambda mark, path=path: _between(mark, path), text)
    for path in sorted(ROOT.glob('configs/*/metafile.yml')):
        found[path] = _metafile(path.read_text(encoding='utf-8'))
    return found


# ------------------------------------------------------------------ names


@lru_cache
def titles(language: str) -> dict[str, str]:
    """Return the title of each method, in the order of tables."""
    with (MEASURED / 'methods.csv').open(encoding='utf-8', newline='') as file:
        rows = list(csv.DictReader(file))
    return {
        row['method']: (language == 'zh' and row['chinese']) or row['title'] or _collection(row)
        for row in rows
    }


def _collection(row: dict) -> str:
    path = ROOT / 'configs' / row['method'] / 'metafile.yml'
    if not path.is_file():
        raise UserError(f'methods.csv: {row["method"]} has no folder in configs/: give it a title.')
    return yaml.safe_load(path.read_text(encoding='utf-8'))['Collections'][0]['Name']


@lru_cache
def _leaves() -> dict[str, str]:
    """Return the folder of each leaf."""
    return {path.name: path.parent.name for path in ROOT.glob('configs/[!_]*/*.py')}


# ------------------------------------------------------------------ pages


def _between(mark: re.Match, path: Path) -> str:
    start, table, named, end = mark.groups()
    if table == 'weights':
        return f'{start}{_weights(path)}{end}'
    if table not in tables():
        raise UserError(f'{path}: there are no records of the table {table}, but of {tables()}.')
    language = _language(path)
    known, rows = titles(language), measured(table)
    folder = path.parent.name
    own = [name for name in known if name in rows and folder == _folder(rows[name][0])]
    if named is None and path.parent.parent.name == 'configs':
        named = [*own, *(name for name in YARDSTICKS if name not in own)]
    else:
        named = named.split() if named else list(known)
    unknown = [name for name in named if name not in known]
    if unknown:
        raise UserError(f'{path}: methods.csv has no {", ".join(unknown)}.')
    shown = [row for name in named for row in _networks(rows.get(name, []), path, name in own)]
    head, cells = _form(path, WORDS[language], rows)
    lines = [[known[row.method], row.evaluated, *cells(row), row.facts['labels']] for row in shown]
    return f'{start}{_table(head, lines)}{end}'


def _language(path: Path) -> str:
    return 'zh' if 'zh' in path.relative_to(ROOT).as_posix() else 'en'


def _table(head: list, lines: list[list]) -> str:
    rows = [f'| {" | ".join(map(str, cells))} |\n' for cells in (head, *lines)]
    return f'{rows[0]}|{"--|" * len(head)}\n{"".join(rows[1:])}'


def _networks(rows: list[Row], path: Path, own: bool) -> list[Row]:
    """Return the networks to show: of another method, the first one."""
    if own:
        return rows
    equal = path.parent.parent.name == 'docs' and rows and rows[0].evaluated.startswith('net_')
    return rows if equal else rows[:1]


def _form(path: Path, words: tuple, rows: dict[str, list[Row]]) -> tuple:
    """Return the head of a page's tables, and a function from a row to the cells in between."""
    method, network, seed, spread, labels, over = words
    seeds = list(rows[YARDSTICK][0].scores)

    def mean(row: Row) -> list[str]:
        return [_spread(row, seeds, seed)]

    if path.parent == ROOT:
        return [method, network, 'mIoU', labels], mean
    if path.parent.parent.name == 'configs':
        what = f'mIoU last, mean ± std over {len(seeds)} seeds'
        return [method, f'{network} evaluated', what, labels], mean
    head = [method, network, *(f'{seed} {number}' for number in seeds), spread, over, labels]
    bases = [own[0] for name, own in rows.items() if OF_ANY_LENGTH.fullmatch(name)]
    return head, lambda row: [*_scores(row, seeds), row.spread, _gain(row, bases)]


def _scores(row: Row, seeds: list[int]) -> list[str]:
    return [f'{row.scores[seed]:.1f}' if seed in row.scores else '' for seed in seeds]


def _spread(row: Row, seeds: list[int], word: str) -> str:
    """Return mean and deviation, with the seeds if some of them are missing."""
    some = list(row.scores)
    return row.spread if some == seeds else f'{row.spread} ({word} {", ".join(map(str, some))})'


def _gain(row: Row, bases: list[Row]) -> str:
    """Return the gain over the labels alone in as many iterations, and p of the paired t-test."""
    base = next((base for base in bases if _budget(base) == _budget(row)), row)
    gain = paired_gain(row.scores, base.scores)
    if base is row or gain is None:
        return ''
    if gain.p is None:
        return f'{gain.mean:+.1f}'
    return f'{gain.mean:+.1f} ({"<0.01" if gain.p < 0.005 else f"{gain.p:.2f}"})'


def _budget(row: Row) -> list:
    labeled = row.facts['batch'].get('labeled')
    return [labeled, *(row.facts[key] for key in ('labels', 'total_iterations', 'crop'))]


def _weights(path: Path) -> str:
    """Return the table of the networks that come with the package, with the score of each one."""
    known, lines = titles(_language(path)), []
    method, network, seed, spread, *_ = WORDS[_language(path)]
    for name in shipped():
        row, number = shipped_row(name)
        score = f'{row.scores[number]:.1f}'
        cells = [f'`{name}`', known[row.method], row.evaluated, number, score, row.spread]
        lines.append(cells)
    return _table([NAMES[_language(path)], method, network, seed, 'mIoU', spread], lines)


def shipped_row(name: str) -> tuple[Row, int]:
    """Return what is measured of a shipped network TABLE/METHOD, and its seed."""
    table, method = name.split('/')
    meta = read_weights(checkpoint_of(name))[1]
    network, seed = meta['network'], meta['seed']
    rows = {row.evaluated: row for row in measured(table).get(method, [])}
    if network not in rows or seed not in rows[network].scores:
        raise UserError(f'{name}: there is no record of {network} with seed {seed}.')
    return rows[network], seed


# ------------------------------------------------------------------ metafiles


def _metafile(text: str) -> str:
    first, *models = text.split('\n- Name: ')
    return '\n- Name: '.join([first, *map(_model, models)])


def _model(text: str) -> str:
    leaf = text.split('\n')[0]
    found = ''.join(_result(row) for table in tables() for row in _of_leaf(leaf, measured(table)))
    end = '\n' if text.endswith('\n') else ''
    return RESULTS.sub(f'\n  Results:{found or " null"}{end}', text)


def _of_leaf(leaf: str, rows: dict[str, list[Row]]) -> list[Row]:
    """Return what a leaf came to as it stands; its variants have other labels."""
    own = [row for of_one in rows.values() for row in of_one if row.facts['config'] == f'{leaf}.py']
    return [row for row in own if row.method == _label(leaf)] or own


def _label(leaf: str) -> str:
    """Return the method that a leaf's name begins with."""
    return leaf.split('_')[0].replace('-', '_')


def _result(row: Row) -> str:
    return f"""
  - Task: Semantic Segmentation
    Dataset: {row.facts['dataset']}
    Network: {row.evaluated}
    Seeds: {list(row.scores)}
    Metrics:
      mIoU: {row.mean:.2f}
      mIoU std: {row.std:.2f}"""


def _folder(row: Row) -> str | None:
    """Return the folder of the leaf that a row was trained with."""
    return _leaves().get(row.facts['config'])


if __name__ == '__main__':
    sys.exit(main())
