"""The site has all pages, its links lead to them, and the notebook is the page of the tour."""

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import cv2
import pytest
from documents import ROOT

from semiseg_mm import models
from semiseg_mm.main import main

sys.path.insert(0, str(ROOT / 'tools/dev'))
import notebook
import site_pages


def test_every_page_is_in_the_navigation():
    text = (ROOT / 'mkdocs.yml').read_text(encoding='utf-8')
    named = re.findall(r'[\w/]+\.md', text[text.index('\nnav:') :])
    pages = {page.removeprefix('en/') for page in site_pages.PAGES if page.startswith('en/')}
    assert sorted(named) == sorted(pages)


def test_every_page_is_in_the_index():
    index = (ROOT / 'docs/en/index.md').read_text(encoding='utf-8')
    pages = {page.name for page in ROOT.glob('docs/en/*.md')} - {'index.md'}
    assert [page for page in sorted(pages) if f'({page})' not in index] == []


def test_every_public_class_of_models_is_on_the_page_of_the_interface():
    page = (ROOT / 'docs/en/api.md').read_text(encoding='utf-8')
    listed = re.findall(r'^::: semiseg_mm\.models\.(\w+)$', page, re.MULTILINE)
    assert sorted(listed) == sorted(models.__all__)
    assert not re.search(r'^:::.*\n:::', page, re.MULTILINE)  # the site would show one alone


@pytest.mark.parametrize(
    'source, uri, link, turned',
    [
        ('README.md', 'en/about.md', '[a](docs/en/tour.md#train)', '[a](tour.md#train)'),
        ('README.md', 'en/about.md', '![a](docs/images/a.png)', '![a](../images/a.png)'),
        ('README.md', 'en/about.md', '[a](README_zh-CN.md)', '<a href="../zh/about/">a</a>'),
        ('README.md', 'en/about.md', '[a](LICENSE)', 'a'),
        ('docs/en/tour.md', 'en/tour.md', '[a](../../README.md)', '[a](about.md)'),
        ('docs/zh-CN/faq.md', 'zh/faq.md', '[a](../en/api.md)', '[a](../en/api.md)'),
        ('docs/zh-CN/faq.md', 'zh/faq.md', '[a](../en/tour.md)', '<a href="../../tour/">a</a>'),
        ('docs/en/faq.md', 'en/faq.md', '[a](https://b.c/d.md)', '[a](https://b.c/d.md)'),
        (
            'configs/cps/README.md',
            'en/configs/cps/README.md',
            '[a](../../docs/en/networks.md)',
            '[a](../../networks.md)',
        ),
    ],
)
def test_links_are_turned_to_the_site(source, uri, link, turned):
    assert site_pages.turned(f'x {link} y', source, uri) == f'x {turned} y'


def test_lines_of_chinese_are_joined():
    page = '一句话，\n接着说。\n- 一项，\n  继续\n\n    code # 注\n    释\nand 词\nword'
    joined = '一句话，接着说。\n- 一项，继续\n\n    code # 注\n    释\nand 词\nword'
    assert site_pages.turned(page, 'docs/zh-CN/faq.md', 'zh/faq.md') == joined


def test_the_notebook_is_the_tour(tmp_path, monkeypatch):
    page = notebook.PAGE.read_text(encoding='utf-8')
    stored = json.loads(notebook.PAGE.with_suffix('.ipynb').read_text(encoding='utf-8'))
    assert stored == notebook.notebook(page), 'call tools/dev/notebook.py'
    code = [''.join(c['source']) for c in stored['cells'] if c['cell_type'] == 'code']
    shell = [line for cell in code for line in cell.splitlines() if line.startswith('!')]
    shown = re.findall(r'^(?:semiseg_mm|python) .*$', page, re.MULTILINE)
    assert [line[1:] for line in shell] == shown and len(shown) > 5


SHRUNK = """
train_cfg = dict(max_iters=2, val_interval=2)
model = dict(segmentor=dict(backbone=dict(base_channels=4), decode_head=dict(in_channels=4)))
images = dict(unlabeled=dict(num_images=16), crop_size=(32, 32))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=images)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(num_images=2))
"""
LEFT_OUT = ('compare', 'export')  # other processes, ONNX: too slow, and tried by their own tests


def execute(cell: str) -> list[str]:
    """Do what a notebook does with a cell, in this process; returns the commands that were run."""
    first, _, rest = cell.partition('\n')
    if first.startswith('%%writefile '):
        name = first.split()[1]
        Path(name).write_text(rest + SHRUNK * (name == 'tour.py'), encoding='utf-8')
        return []
    lines = [shlex.split(line.removeprefix('!')) for line in cell.splitlines()]
    for program, *words in lines:
        if program == 'python':
            runpy.run_path(words[0])
        elif words[0] not in LEFT_OUT:
            assert main(words) == 0, words
    return [words[0] for _, *words in lines]


def test_the_notebook_runs(tmp_path, monkeypatch):
    """All cells one after the other, with a small network and two iterations."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', sys.argv[:])
    cells = notebook.notebook(notebook.PAGE.read_text(encoding='utf-8'))['cells']
    code = [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']
    run = [word for cell in code for word in execute(cell)]
    assert {'browse', 'train', 'photos.py', 'predict', 'publish', *LEFT_OUT} == {*run}
    assert cv2.imread('photos/5.png').shape == (96, 128, 3)
    for file in ('browse_tour.png', 'pseudo.png', 'labeled/labels/5.png', 'plain.pth', 'plain.py'):
        assert Path(file).is_file(), file
