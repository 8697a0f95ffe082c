"""The documents name only files that exist, and their examples run as they stand."""

import importlib
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from documents import DOCUMENTS, FENCE, ROOT, anchors, blocks, commands, links
from mmengine.config import Config
from processes import forked

from semiseg_mm.apis import publish, run_train
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.registry import MODELS

PATH = re.compile(r'(?<![\w/.-])(?:configs|tools)/[\w/+.-]+\.(?:py|sh|md|yml)\b')
LEAF = re.compile(r'semiseg_mm train ([\w+-]+-[\w+-]+)(?![\w+./-])')  # by its bare name
each_document = pytest.mark.parametrize(
    'document', DOCUMENTS, ids=lambda p: p.relative_to(ROOT).as_posix()
)


@each_document
def test_relative_links_lead_somewhere(document):
    """Files and their anchors"""
    lost = []
    for path, anchor in links(document):
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(f'{path}#{anchor}')
    assert lost == []


@each_document
def test_named_files_exist(document):
    text = document.read_text(encoding='utf-8')
    to_be_made = re.compile(r'configs/(_base_/methods/)?x\b')  # CONTRIBUTING's new method
    paths = {path for path in PATH.findall(text) if not to_be_made.match(path)}
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []
    leaves = {path.stem for path in ROOT.glob('configs/[!_]*/*.py')}
    assert set(LEAF.findall(text)) <= leaves


@each_document
def test_imports_of_examples_work(document):
    for block in blocks(document):
        for module, names in re.findall(r'^from (semiseg_mm[\w.]*) import ([\w, ]+)$', block, re.M):
            for name in names.split(', '):
                assert hasattr(importlib.import_module(module), name), (module, name)


def test_the_scan_finds_links_and_paths():
    assert len(DOCUMENTS) > 5
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert len(PATH.findall(text)) > 5 and ('LICENSE', '') in links(ROOT / 'README.md')
    assert 'license' in anchors(ROOT / 'README.md')
    assert sum(len(LEAF.findall(page.read_text(encoding='utf-8'))) for page in DOCUMENTS) > 10


def test_both_readmes_say_the_same():
    """Word for word where no language is involved: code, commands, links, paths."""
    english, chinese = (DOCUMENTS[k].read_text(encoding='utf-8') for k in (0, 1))
    assert blocks(DOCUMENTS[0]) == blocks(DOCUMENTS[1])
    assert english.count('\n## ') == chinese.count('\n## ') > 5
    assert sorted(set(PATH.findall(english))) == sorted(set(PATH.findall(chinese)))
    own = {
        'README.md',
        'README_zh-CN.md',
    }  # they link to each other, and to pages of their language
    paths = [{path for path, _ in links(document)} - own for document in DOCUMENTS[:2]]
    assert {path.replace('/zh-CN/', '/en/') for path in paths[1]} == paths[0]


METHOD_PAGE = re.compile(r'configs/(\w+)/README\.md')


def test_every_method_is_listed_by_family():
    """In both READMEs, on the page of families in both languages, and in the navigation, in one
    order; that page names all settings."""
    folders = {page.parent.name for page in ROOT.glob('configs/*/README.md')}
    families = [ROOT / f'docs/{language}/families.md' for language in ('en', 'zh-CN')]
    listed = [
        list(dict.fromkeys(METHOD_PAGE.findall(page.read_text(encoding='utf-8'))))
        for page in (*DOCUMENTS[:2], *families, ROOT / 'mkdocs.yml')
    ]
    assert {*listed[0]} == folders and all(own == listed[0] for own in listed[1:])
    settings = {path.stem for path in ROOT.glob('configs/_base_/methods/*.py')}
    for page in families:
        rows = re.findall(r'^\| \[.*', page.read_text(encoding='utf-8'), re.MULTILINE)
        named = [name for row in rows for name in re.findall(r'`(\w+)`', row.split('|')[4])]
        assert sorted(named) == sorted(settings)


def form(document: Path) -> dict[str, list]:
    """What is equal on a page in any language."""
    text = FENCE.sub('', document.read_text(encoding='utf-8'))
    linked = (path.replace('_zh-CN', '').replace('../en/', '') for path, _ in links(document))
    return dict(
        headings=re.findall(r'^#+(?= )', text, re.MULTILINE),
        columns_of_rows=[line.count('|') for line in text.splitlines() if line.startswith('|')],
        commands=commands(document),
        code=blocks(document),
        links=sorted(linked),
    )


@pytest.mark.parametrize('name', sorted(page.name for page in ROOT.glob('docs/zh-CN/*.md')))
def test_a_chinese_page_has_the_form_of_the_english_one(name):
    english, chinese = (form(ROOT / 'docs' / language / name) for language in ('en', 'zh-CN'))
    for part in english:
        assert chinese[part] == english[part], part


def train_as_written(folder: Path, name: str, method: str, config: str) -> tuple[str, dict]:
    """Train a document's method for two iterations; returns what was said, and the weights.

    In a process of its own: a registered method would stay for all tests after it.
    """
    (folder / f'{name}.py').write_text(method, encoding='utf-8')
    (folder / 'my_config.py').write_text(config, encoding='utf-8')
    options = ['train_cfg.max_iters=2', 'val_dataloader.dataset.num_images=2']
    options += ['default_hooks.logger.interval=1']
    command = [ROOT / 'tools/train.py', 'my_config.py', '--cfg-options', *options]
    done = forked(command, cwd=folder, env={**os.environ, 'PYTHONPATH': '.'})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said, safe_load(folder / 'work_dirs/my_config/iter_2.pth')['state_dict']


def test_method_of_the_readme_trains(tmp_path):
    method, config = blocks(ROOT / 'README.md')
    assert len(method.splitlines()) <= 20
    said, stored = train_as_written(tmp_path, 'my_method', method, config)
    assert 'strong.loss_own_labels' in said and stored


def test_method_of_the_page_on_methods_trains(tmp_path):
    method, config, _ = blocks(ROOT / 'docs/en/write_a_method.md')
    said, stored = train_as_written(tmp_path, 'my_compared', method, config)
    assert 'loss_near' in said and len(stored['bank.class_0']) == 1000


def combination(folder: Path, number: int) -> Callable[..., Path]:
    """Write an example of the page on methods; returns what trains it for four iterations."""
    example = blocks(ROOT / 'docs/en/methods.md')[number]
    (folder / 'mine.py').write_text(example, encoding='utf-8')

    def train(work_dir: str, *arguments: str) -> Path:
        few = ['train_cfg.max_iters=4', 'train_cfg.val_interval=4']
        few += ['val_dataloader.dataset.num_images=2', 'default_hooks.checkpoint.interval=2']
        assert (
            run_train(['mine.py', '--work-dir', work_dir, *arguments, '--cfg-options', *few]) == 0
        )
        return folder / work_dir

    return train


def test_combination_of_the_methods_page_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    assert (combination(tmp_path, 0)('run') / 'iter_4.pth').is_file()


def test_combination_of_three_papers_trains_resumes_and_is_published(tmp_path, monkeypatch):
    """The second half of the training ends with the same bits; what is published is plain."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    train = combination(tmp_path, 1)
    whole, half = train('whole'), tmp_path / 'half'
    half.mkdir()
    (half / 'iter_2.pth').write_bytes((whole / 'iter_2.pth').read_bytes())
    before = (half / 'iter_2.pth').stat().st_mtime_ns
    train('half', '--resume')
    assert (half / 'iter_2.pth').stat().st_mtime_ns == before  # these two were not done again
    one, other = (safe_load(run / 'iter_4.pth')['state_dict'] for run in (whole, half))
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
    rows = [len(value) for key, value in one.items() if key.startswith('contrast.bank.')]
    assert sum(rows) > 0  # the contrast has seen something
    weights, config = publish('mine.py', str(whole / 'iter_4.pth'), str(tmp_path / 'plain'))
    published = safe_load(weights)['state_dict']
    cfg = Config.fromfile(config)
    assert cfg.model.type == 'EncoderDecoder' and 'semiseg_mm' not in cfg.pretty_text
    model = MODELS.build(cfg.model)
    model.load_state_dict(published)  # strict
    assert all(torch.equal(one[f'networks.student.{k}'], v) for k, v in published.items())


@pytest.mark.parametrize('methods', [5, 6])
def test_methods_page_has_the_settings(methods):
    """The tables of slots of so many methods, row by row against configs/_base_/methods."""
    page = (ROOT / 'docs/en/methods.md').read_text(encoding='utf-8')
    rows = [[c.strip(' `') for c in line.split('|')[1:-1]] for line in page.splitlines()]
    names, *rows = [row for row in rows if len(row) == methods + 1 and not row[1].startswith('--')]
    slots = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in rows}
    assert len(slots) >= 8
    for name in names[1:]:
        model = Config.fromfile(ROOT / f'configs/_base_/methods/{name}.py').model
        assert slots['teacher'][name] == model.teacher
        assert slots['strong_views'][name][0] == str(len(model.strong_views))
        for slot in {'mixer', 'perturbation', 'colours', 'filter'} & slots.keys():
            kind = model[slot].type if model.get(slot) else '–'
            assert slots[slot][name].split('`')[0] == kind
        shown = slots['weights: supervised, strong, dropped'][name]
        weights = [float(unicodedata.numeric(part)) for part in shown.split(', ')]
        own = [model.get('supervised_weight', 1.0), model.weight, model.get('dropped_weight', 0.0)]
        assert weights == own[: len(weights)] and not any(own[len(weights) :])
