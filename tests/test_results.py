"""What pages and metafiles say of our own results is what the records say."""

import json
import re
import sys

import pytest
import yaml
from documents import ROOT
from scipy.stats import ttest_rel

from semiseg_mm.errors import UserError
from semiseg_mm.records import measured as shipped
from semiseg_mm.records import read_records
from semiseg_mm.records.measured import FOLDER, measured, tables

sys.path.insert(0, str(ROOT / 'tools/dev'))
import added_records
import results

MEND = 'call python tools/dev/results.py'
GENERATED = results.generated()
SPLIT = dict(name=None, labeled='0' * 64, unlabeled=None, masks=None)
LEAF = 'fixmatch_unet-s2_1xb8+8-1k_shapes-30-64x64.py'


@pytest.mark.parametrize('path', GENERATED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_it_says_what_was_measured(path):
    assert path.read_text(encoding='utf-8') == GENERATED[path], MEND


def test_each_page_of_results_is_held():
    names = {path.relative_to(ROOT).as_posix() for path in GENERATED}
    assert {'README.md', 'docs/zh-CN/shapes.md', 'configs/cps/metafile.yml'} <= names
    assert len(re.findall('± ', GENERATED[ROOT / 'docs/en/shapes.md'])) > 30


@pytest.mark.parametrize('table', tables())
def test_records_are_whole_and_of_one_machine_and_evaluation(table):
    """The last scores alone; each method has a title, each config is a leaf."""
    records, damaged = read_records([FOLDER / table])
    assert damaged == []
    facts = [record.facts for record in records]
    shared = [[one[key] for key in ('evaluation', 'device', 'threads')] for one in facts]
    assert all(one == shared[0] for one in shared)
    assert {one['chosen'] for one in facts} == {'last'}
    assert {one['method'] for one in facts} <= set(results.titles('en'))
    for record in records:
        assert record.facts['method'] in record.file and record.facts['config'] in results._leaves()


def test_a_change_of_a_record_changes_the_page(monkeypatch):
    rows = {name: list(found) for name, found in measured('shapes').items()}
    (row,) = rows['unimatch']
    rows['unimatch'] = [row._replace(scores={**row.scores, 0: 99.0})]
    monkeypatch.setattr(results, 'measured', lambda table: rows)
    changed = {path for path, text in results.generated().items() if text != GENERATED[path]}
    places = ('docs/en/shapes.md', 'configs/unimatch/README.md', 'configs/unimatch/metafile.yml')
    assert {ROOT / place for place in places} <= changed


def test_a_method_has_a_row_when_two_seeds_are_there(tmp_path, monkeypatch):
    for method, seeds in (('sup_only', (0, 1, 2)), ('cps', (0,)), ('vat', (0, 2, 3))):
        (tmp_path / 'toy' / method).mkdir(parents=True)
        lines = [dict(fixmatch(), method=method, seed=seed) for seed in seeds]
        text = ''.join(f'{json.dumps(line)}\n' for line in lines)
        (tmp_path / 'toy' / method / 'records.jsonl').write_text(text)
    monkeypatch.setattr(shipped, 'FOLDER', tmp_path)
    rows = shipped.measured.__wrapped__('toy')
    assert {name: list(found[0].scores) for name, found in rows.items()} == {
        'sup_only': [0, 1, 2],
        'vat': [0, 2],
    }
    (row,) = rows['vat']
    assert [bool(cell) for cell in results._scores(row, [0, 1, 2])] == [True, False, True]
    assert results._spread(row, [0, 1, 2], 'seed').endswith(' (seed 0, 2)')
    assert results._spread(row, [0, 2], 'seed') == row.spread


def test_a_gain_is_over_the_labels_alone_of_equal_length():
    """Seed by seed; a training of another length, or with other labels, has none."""
    rows = measured('shapes')
    bases = [rows[name][0] for name in ('sup_only', 'sup_only_3000')]
    longer, own = rows['sup_only_3000'][0].scores, rows['st_plus_plus'][0].scores
    mean = sum(own[seed] - longer[seed] for seed in own) / len(own)
    p = ttest_rel(list(own.values()), list(longer.values())).pvalue
    assert results._gain(rows['st_plus_plus'][0], bases) == f'{mean:+.1f} ({p:.2f})'
    assert results._gain(rows['cps_cutmix'][0], bases).endswith(' (<0.01)')
    for name in ('sup_only', 'sup_only_3000', 'dmt', 'sup_only_all_labels'):
        assert results._gain(rows[name][0], bases) == ''


def test_a_leaf_of_another_length_has_its_own_results():
    rows = measured('shapes')
    (row,) = rows['sup_only_3000']
    long = row._replace(facts=dict(row.facts, config='sup-only_long.py'))
    assert results._of_leaf('sup-only_long', dict(rows, sup_only_3000=[long])) == [long]
    assert results._of_leaf(row.facts['config'][:-3], rows) == rows['sup_only']


def test_a_table_needs_its_yardstick(tmp_path, monkeypatch):
    (tmp_path / 'toy/cps').mkdir(parents=True)
    (tmp_path / 'toy/cps/records.jsonl').write_text(json.dumps(dict(fixmatch(), method='cps')))
    monkeypatch.setattr(shipped, 'FOLDER', tmp_path)
    with pytest.raises(UserError, match='has no sup_only'):
        shipped.measured.__wrapped__('toy')


def test_a_page_that_names_what_is_not_there_is_told():
    page = ROOT / 'docs/en/shapes.md'
    for mark, said in (('moon-table', 'of the table moon'), ('shapes-table: magic', 'no magic')):
        name = mark.split(':')[0]
        text = f'<!-- {mark} -->\n<!-- /{name} -->'
        with pytest.raises(UserError, match=said):
            results.MARKED.sub(lambda found: results._between(found, page), text)


@pytest.mark.parametrize('language', ['en', 'zh-CN'])
def test_the_page_on_choosing_says_what_was_measured(language):
    """Its tables are written from the records; the figures in its sentences follow from them."""
    page = ROOT / f'docs/{language}/choosing_a_method.md'
    found = {mark[1] for mark in results.MARKED.findall(GENERATED[page])}
    assert found == {
        'shapes',
        'camvid',
        'camvid_lite0_13',
        'camvid_lite0_13_2k',
        'camvid_lite0_13_large',
    }
    text = results.MARKED.sub('', page.read_text(encoding='utf-8'))
    pretrained, scratch, scenes = map(mean_of, ('camvid_lite0_13', 'camvid', 'shapes'))
    for figure in (
        pretrained('sup_only'),
        scratch('sup_only'),
        scratch('cps_cutmix'),
        scratch('sup_only_all_labels') - scratch('sup_only'),
        scratch('cps_cutmix') - scratch('sup_only'),
        scratch('sup_only_colours') - scratch('sup_only'),
        scenes('sup_only_colours') - scenes('sup_only'),
        -gain('camvid_lite0_13', 'sup_only_colours'),
        pretrained('sup_only_all_labels') - pretrained('sup_only'),
        gain('camvid_lite0_13_2k', 'cps_cutmix'),
        gain('camvid_lite0_13_2k', 'fixmatch'),
        gain('camvid_lite0_13_large', 'fixmatch'),
        gain('camvid_lite0_13_large', 'augseg'),
        scenes('sup_only_3000') - scenes('sup_only'),
        scenes('st_plus_plus') - scenes('sup_only_3000'),
    ):
        assert re.search(rf'\b{figure:.1f}\b', text), figure


def mean_of(table):
    """Return a function from a method to the mean of its first network."""
    return lambda method: measured(table)[method][0].mean


def gain(table, method):
    """Return what the first network of a method gains over the labels alone, seed by seed."""
    own, base = (measured(table)[name][0].scores for name in (method, 'sup_only'))
    return sum(own[seed] - base[seed] for seed in own) / len(own)


def test_metafiles_have_the_form_of_mmseg():
    models = yaml.safe_load(GENERATED[ROOT / 'configs/fixmatch/metafile.yml'])['Models']
    (model,) = (model for model in models if model['Config'].endswith(LEAF))
    assert [one['Network'] for one in model['Results']] == ['teacher', 'student']
    one = model['Results'][0]
    assert (one['Task'], one['Dataset']) == ('Semantic Segmentation', 'Shapes')
    assert one['Metrics']['mIoU'] == round(measured('shapes')['fixmatch'][0].mean, 2)


# ------------------------------------------------------------------ new records


def fixmatch(**changes) -> dict:
    """Return the record of a run as the tree's leaf trains it."""
    line = (FOLDER / 'shapes/fixmatch/records.jsonl').read_text().split('\n')[0]
    digest = added_records._hash(ROOT / 'configs/fixmatch' / LEAF)
    return dict(json.loads(line), config_sha256=digest, **changes)


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(added_records, 'FOLDER', tmp_path / 'tables')

    def add(*records, **named) -> str:
        file = tmp_path / 'records.jsonl'
        file.write_text(''.join(f'{json.dumps(one)}\n' for one in records))
        return added_records.add_records('shapes', [str(file)], ['fixmatch', 'cps'], **named)

    add.folder = tmp_path / 'tables/shapes'
    return add


def test_records_of_another_machine_are_taken_in(table):
    """A comparison names its config by the method: the hash tells the leaf."""
    said = table(fixmatch(device='NVIDIA A100', config='fixmatch.py', seed=1), fixmatch(seed=1,
                 device='NVIDIA A100', chosen='passing', iteration=500))  # fmt: skip
    assert said == 'shapes: 1 record of NVIDIA A100'
    (found,), _ = read_records([table.folder])
    assert (found.facts['config'], found.facts['seed']) == (LEAF, 1)
    assert found.file.endswith('fixmatch/records.jsonl')


def test_a_run_with_options_may_be_another_leaf_and_is_taken_in_once(table):
    for _ in range(2):
        said = table(fixmatch(config='fixmatch_some_1xb8+8-9k_other.py'))
    (found,), _ = read_records([table.folder])
    assert found.facts['config'] == LEAF and said == 'shapes: 0 records of cpu'


def test_records_are_taken_in_under_another_name(table):
    """A longer training of a method is a row of its own."""
    table(fixmatch())
    table(fixmatch(), method='cps')
    assert {one.facts['method'] for one in read_records([table.folder])[0]} == {'fixmatch', 'cps'}
    with pytest.raises(UserError, match='has no magic'):
        table(fixmatch(), method='magic')


def test_a_table_has_one_setting_of_a_method(table):
    """The leaf is one of the tree, but the table holds the method with another one."""
    table(fixmatch())
    (file,) = table.folder.rglob('records.jsonl')
    file.write_text(file.read_text().replace(fixmatch()['config_sha256'], '0' * 64))
    with pytest.raises(UserError, match='is of other settings'):
        table(fixmatch(seed=1))


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(method='magic'), 'methods.csv has no magic'),
        (dict(config_sha256='0' * 64), 'no leaf of this tree'),
        (dict(device='NVIDIA A100', seed=1), 'a row has one machine'),
        (dict(scores=dict(mIoU=1.0)), 'another result of the same run'),
        (dict(labels=31, seed=1), 'no leaf of this tree'),
        (dict(split=SPLIT, seed=1), 'other lists of images'),
        (dict(evaluation=dict(images=1), seed=1), 'judged on other images'),
        (dict(split=None), 'strange as split'),
        (dict(chosen='passing'), 'no score of a last iteration'),
    ],
)
def test_what_does_not_fit_is_refused(table, changes, said):
    table(fixmatch())
    with pytest.raises(UserError, match=said):
        table(dict(fixmatch(), **changes))
    assert len(read_records([table.folder])[0]) == 1
