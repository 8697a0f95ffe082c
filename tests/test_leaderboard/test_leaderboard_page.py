"""The command and what it writes; the page in a browser."""

import csv
import html
import json
import subprocess
import sys

import pytest
from browser import OVERFLOW

from semiseg_mm.leaderboard import run_leaderboard
from semiseg_mm.leaderboard.board import Section
from semiseg_mm.leaderboard.figures import make_figures
from semiseg_mm.leaderboard.published import read_published
from semiseg_mm.leaderboard.results import find_results
from semiseg_mm.leaderboard.rows import make_rows
from semiseg_mm.leaderboard.tables import make_tables
from semiseg_mm.records import Record
from semiseg_mm.testing.records import toy_record, write_records

NETWORK = 'settings 6e6574776f72'
EVIL = '<script>alert(1)</script>'


def scores():
    """Three methods with two networks in all, three seeds, and two numbers of labels."""
    for labels, more in ((30, 0.0), (60, 5.0)):
        facts = dict(labels=labels, split__labeled=f'{labels:064d}')
        for seed in range(3):
            yield toy_record('sup_only', seed, 58.25 + more + seed, **facts)
            yield toy_record(EVIL, seed, 68.5 + more - seed, **facts)
            for evaluated in ('teacher', 'student'):
                yield toy_record('a|b', seed, 70.0 + more, evaluated=evaluated, **facts)


def made(folder, *records, names=('index.html', 'leaderboard.md', 'leaderboard.csv')):
    """Return the exit status, and the texts that were written."""
    write_records(folder / 'runs/one/records.jsonl', records)
    status = run_leaderboard([str(folder / 'runs'), '--out', str(folder / 'page')])
    return status, *((folder / 'page' / name).read_text(encoding='utf-8') for name in names)


def test_it_writes_a_page_markdown_and_csv(tmp_path, capsys):
    status, page, markdown, table = made(tmp_path, *scores())
    assert status == 0 and 'Left out' not in page + markdown
    said = '30 labels (own list), validation, EncoderDecoder(UNet, FCNHead): 4 rows'
    assert said in capsys.readouterr().out
    rows = list(csv.DictReader(table.splitlines()))
    assert [row['rank'] for row in rows] == ['', '1', '2', '3'] * 2
    assert [row['labels'] for row in rows] == ['30'] * 4 + ['60'] * 4
    assert float(rows[2]['gain']) == pytest.approx(67.5 - 59.25)
    assert (
        '| 3 | sup\\_only | student | 1000 | 64×64 | 8 | 3 (0, 1, 2) | 59.25 ± 1.00 |' in markdown
    )
    assert 'href="../runs/one/records.jsonl"' in page and '<svg viewBox="0 0 480 300"' in page


def test_the_page_says_which_network_is_ranked_and_which_one_predicts(tmp_path):
    student = toy_record(evaluated='student', score=72.0)
    _, page, markdown, _ = made(tmp_path, student, toy_record(evaluated='teacher'))
    assert '| 1 | fixmatch | teacher |' in markdown and '| - | fixmatch | student |' in markdown
    for text in (page, markdown.replace('\\_', '_')):
        assert 'the teacher if there is one, else the first' in text
        assert 'the one that predict and publish take' in text and 'predict_on' in text


def test_names_may_hold_anything(tmp_path):
    _, page, markdown, _ = made(tmp_path, *scores())
    assert EVIL not in page + markdown and html.escape(EVIL) in page
    assert page.count('<script>') == 1
    assert r'| \<script\>alert(1)\</script\> |' in markdown and r'| a\|b |' in markdown


def test_what_a_spreadsheet_or_a_terminal_would_obey_is_text(tmp_path, capsys):
    names = toy_record('=cmd|x', config='@a', dataset='-1+1'), toy_record('sup_only\u200b\x1b[2J')
    _, page, markdown, table = made(tmp_path, *names)
    obeyed, plain = csv.DictReader(table.splitlines())
    assert (obeyed['method'], obeyed['config'], obeyed['dataset']) == ("'=cmd|x", "'@a", "'-1+1")
    assert plain['method'] == 'sup_only\\u200b\\u001b[2J' and plain['last'] == '70.0'
    assert '\u200b' not in page + markdown and '\x1b' not in capsys.readouterr().out


def test_tables_with_one_title_say_in_what_they_differ(tmp_path):
    wide = toy_record('cps', network__sha256='b' * 64)
    _, page, markdown, _ = made(tmp_path, toy_record(), wide)
    heads = [line for line in markdown.splitlines() if line.startswith('## Shapes')]
    assert [head.rpartition(', ')[2] for head in heads] == [NETWORK, f'settings {"b" * 12}']
    assert f'settings {"b" * 12}' in page
    assert 'settings' not in made(tmp_path / 'one', wide)[2].splitlines()[2]


def test_a_page_tells_nothing_of_the_folders_above(tmp_path):
    file = tmp_path / 'runs/one/mine.py'
    texts = made(tmp_path, toy_record(config='mine.py'), dict(toy_record(), form=2))[1:]
    assert '../runs/one/records.jsonl:2: it is of form 2' in texts[0]
    assert not [text for text in texts if str(tmp_path) in text]
    assert 'href="../runs/one/mine.py"' not in texts[0]
    file.write_text('model = dict()')
    assert 'href="../runs/one/mine.py"' in made(tmp_path, toy_record(config='mine.py'))[1]


def test_equal_records_make_equal_bytes(tmp_path):
    assert made(tmp_path, *scores()) == made(tmp_path, *scores())


def test_what_is_left_out_is_said_everywhere(tmp_path, capsys):
    other = toy_record('dmt', evaluation__mode='slide')
    status, page, markdown, _ = made(tmp_path, toy_record(seed=0), toy_record(seed=1), other)
    sentence = 'mode of the evaluation: slide, not whole. Evaluate in the same way'
    assert status == 1 and sentence in page and sentence in markdown
    assert 'and transforms), or call leaderboard for such records alone.' in markdown
    assert '>1 record is in no table</a>.' in page
    assert f'../runs/one/records.jsonl:3: {sentence}' in capsys.readouterr().err


def test_a_test_of_a_checkpoint_on_the_way_is_told_once(tmp_path, capsys):
    facts = dict(kind='test', chosen='passing', checkpoint='iter_500.pth')
    tests = [toy_record('cps', evaluated=f'net_{k}', **facts) for k in (0, 1)]
    status, page, *_ = made(tmp_path, toy_record(), *tests)
    said = 'in no table (../runs/one/records.jsonl: iter_500.pth). Test the checkpoint of the last'
    assert status == 0 and said in page and capsys.readouterr().out.count(said) == 1


@pytest.mark.parametrize('chosen', ['last', 'passing', 'best'])
def test_a_test_of_a_checkpoint_of_a_stage_is_told_once(chosen, tmp_path, capsys):
    facts = dict(kind='test', chosen=chosen, checkpoint='iter_9.pth', stage='06_student')
    tests = [toy_record(evaluated=name, **facts) for name in ('teacher', 'student')]
    status, page, markdown, _ = made(tmp_path, toy_record(), toy_record(stage='06_student'), *tests)
    said = 'runs/one/records.jsonl: iter_9.pth of the stage 06_student). Such a checkpoint knows'
    assert status == 0 and said in page and capsys.readouterr().out.count(said) == 1
    assert 'Left out, and why' in markdown and markdown.count('of stages are in no table') == 1
    assert 'on the way are in no table' not in page


def test_a_page_counts_in_singular_and_plural(tmp_path):
    one = toy_record(labels=1, kind='test', evaluation__images=1)
    _, page, markdown, _ = made(tmp_path, one, toy_record(labels=2, evaluation__images=None))
    assert '- evaluation: test on 1 image\n' in markdown and '1000 iterations, 1 seed<' in page
    assert '- evaluation: validation on an unknown number of images\n' in markdown
    assert 'Shapes, 1 label (own list)' in markdown and 'Shapes, 2 labels (own list)' in markdown


def test_a_table_of_the_package_goes_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_leaderboard(['shapes', '--out', 'page']) == 0
    assert '| fixmatch | teacher |' in (tmp_path / 'page/leaderboard.md').read_text()
    write_records(tmp_path / 'shapes/records.jsonl', [toy_record('mine')])  # what lies here
    assert run_leaderboard(['shapes', '--out', 'page']) == 0
    assert '| fixmatch |' not in (tmp_path / 'page/leaderboard.md').read_text()
    assert run_leaderboard(['shape', '--out', 'page']) == 1
    assert "shapes). Did you mean 'shapes'?" in capsys.readouterr().err


def test_runs_that_have_not_ended_are_listed(tmp_path):
    status, page, markdown, table = made(tmp_path, toy_record(iteration=400, chosen='passing'))
    assert status == 0 and table == '' and 'No run has ended yet' in page
    assert 'seed 0: not finished, mIoU 70.00 at iteration 400 of 1000' in markdown


def test_a_torn_line_is_passed_over_with_a_remark(tmp_path, capsys):
    file = write_records(tmp_path / 'records.jsonl', [toy_record()])
    file.write_text(file.read_text() + json.dumps(toy_record(seed=1))[:50])
    assert run_leaderboard([str(file), '--out', str(tmp_path / 'page')]) == 0
    assert 'records.jsonl:2 was cut off' in capsys.readouterr().out
    assert 'records.jsonl:2 was cut off' in (tmp_path / 'page/index.html').read_text()


def test_what_differs_or_is_unknown_is_noted(tmp_path):
    unknown = dict(split__labeled=None, network__weights='imagenet.pth', labels=None)
    other = toy_record(seed=1, device='NVIDIA', total_iterations=3000, **unknown)
    _, _, markdown, _ = made(tmp_path, toy_record(**unknown), other)
    assert '- The runs have different devices: NVIDIA; cpu.' in markdown
    assert '- Not all rows have the same seeds' in markdown
    assert '- Methods in stages: fixmatch: 3000 iterations, 1000 of them in' in markdown
    unchecked = 'the list of labeled images, the weights that the encoder began with'
    assert f'- Not recorded, so not checked: {unchecked}.' in markdown
    assert '## Shapes, labels unknown (own list), validation' in markdown


@pytest.mark.parametrize(
    'words, said',
    [
        (['nowhere'], 'nowhere does not exist'),
        (['.'], '. holds no records.jsonl'),
        (
            ['--published', 'cityscape'],
            "for voc2012, cityscapes, coco, ade20k. Did you mean 'cityscapes'?",
        ),
    ],
)
def test_a_mistake_is_a_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run_leaderboard([*words, '--out', 'page']) == 1
    error = capsys.readouterr().err
    assert said in error and 'Traceback' not in error and not (tmp_path / 'page').exists()


def test_records_without_a_result_are_a_sentence(tmp_path, capsys):
    file = write_records(tmp_path / 'records.jsonl', [toy_record(stage='01_teacher'), {}])
    assert run_leaderboard([str(file), '--out', str(tmp_path / 'page')]) == 1
    assert 'there is no result yet' in (error := capsys.readouterr().err)
    assert 'records.jsonl:2: it has no form' in error


def test_without_records_it_asks_for_some(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_leaderboard(['--out', str(tmp_path)])
    assert 'name files or folders of records' in capsys.readouterr().err


def test_published_scores_stand_under_ours(tmp_path):
    assert run_leaderboard(['--published', 'coco', '--out', str(tmp_path)]) == 0
    page = (tmp_path / 'index.html').read_text(encoding='utf-8')
    assert 'never ranked with ours' in page and 'https://github.com/LiheYoung/UniMatch' in page
    facts = dict(dataset='PascalVOC', labels=92)
    _, page, _, table = made(tmp_path, toy_record(**facts))
    assert 'voc2012: 705 scores' in page and 'coco:' not in page and table.count('\n') == 2


def test_published_scores_are_filtered_and_sorted(tmp_path, browser):
    assert run_leaderboard(['--published', 'ade20k', '--out', str(tmp_path)]) == 0
    browser.open(tmp_path / 'index.html', width=390)
    found = browser.value("""
(() => {
  const form = document.querySelector('.filter');
  form.elements.text.value = 'conformalsam 1/16';
  form.dispatchEvent(new Event('input'));
  document.querySelectorAll('thead button')[1].click();
  const rows = [...document.querySelectorAll('.published tbody tr')].filter((row) => !row.hidden);
  return [form.querySelector('output').textContent, ...rows.map((row) => row.cells[1].textContent)];
})()
""")
    assert found == ['0 rows, 2 published', '34.64', '28.4']
    assert browser.value(OVERFLOW) == 0 and browser.complaints == []


def test_published_scores_have_sources():
    found = [row for rows in read_published().values() for row in rows]
    assert len(found) > 1000
    assert all(0 < float(row['mIoU']) < 100 and row['method'] and row['source'] for row in found)
    assert sum(bool(row['link']) for row in found) > 800


def test_it_needs_no_torch(tmp_path):
    write_records(tmp_path / 'records.jsonl', [toy_record()])
    code = (
        'import sys; from semiseg_mm.main import main; '
        f'assert main(["leaderboard", {str(tmp_path)!r}, "--out", {str(tmp_path)!r}]) == 0; '
        'assert not {"torch", "mmengine", "cv2"} & {*sys.modules}'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


LOOK = """
(() => {
  const section = document.querySelector('section.own');
  const names = () => [...section.querySelectorAll('tbody.row th')]
    .map((head) => head.firstChild.textContent.trim());
  const heads = [...section.querySelector('table').tHead.rows[0].cells];
  const sort = (name) => {
    heads.find((head) => head.textContent.startsWith(name)).querySelector('button').click();
    return names();
  };
  const found = { at_first: names(), falling: sort('mIoU (last)'), rising: sort('mIoU (last)') };
  found.sorted = heads.map((head) => head.ariaSort).filter(Boolean);
  found.unknown_last = sort('over SupOnly');
  document.querySelector('.toggle').click();
  found.open = [...document.querySelectorAll('tr.more')].filter((row) => !row.hidden).length;
  const form = document.querySelector('.filter');
  form.elements.labels.value = '60';
  form.elements.text.value = 'TEACHER';
  form.dispatchEvent(new Event('input'));
  found.hidden = [...document.querySelectorAll('section.own')].map((one) => one.hidden);
  found.said = form.querySelector('output').textContent;
  return found;
})()
"""


def test_the_page_in_a_browser(tmp_path, browser):
    """Sorting, details and filters work; no wider than a phone's screen."""
    made(tmp_path, *scores())
    browser.open(tmp_path / 'page/index.html', width=390)
    assert browser.value(OVERFLOW) == 0
    order = ['a|b', 'a|b', EVIL, 'sup_only']
    assert browser.value(LOOK) == dict(
        at_first=order,
        falling=order,
        rising=['sup_only', EVIL, 'a|b', 'a|b'],
        sorted=['ascending'],
        unknown_last=order,
        open=1,
        hidden=[True, False],
        said='1 row',
    )
    assert browser.value(OVERFLOW) == 0 and browser.complaints == []


def test_a_figure_shows_lines_and_trainings_on_the_labels_alone():
    """A method with one number of labels is no line; of a method's networks the ranked one is."""
    few, many = (dict(labels=n, split__labeled=f'{n:064d}') for n in (30, 60))
    records = [toy_record('cps', evaluated=f'net_{k}', **few) for k in (0, 1)]
    records += [toy_record('cps', **many, evaluated='net_0'), toy_record('dmt', **few)]
    records += [toy_record('all_labels', model='SupOnly', **many)]
    assert lines_of(records) == ['all_labels (SupOnly), student', 'cps, net_0']
    assert lines_of(records[3:]) == []


def lines_of(records):
    results, _ = find_results(Record(one, 'a.jsonl', k) for k, one in enumerate(records))
    tables, _ = make_tables(results)
    sections = [Section(table.place, make_rows(table.results), [], [], []) for table in tables]
    figures = make_figures(sections).get('Shapes', [])
    return [line.name for figure in figures for line in figure.lines]
