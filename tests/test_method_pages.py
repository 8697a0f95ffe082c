"""The pages of methods have one form, and the configs that they show load and build."""

import re

import pytest
from documents import ROOT, blocks

from semiseg_mm.apis.command import load_config
from semiseg_mm.registry import MODELS

PAGES = {page.parent.name: page for page in sorted(ROOT.glob('configs/*/README.md'))}
OWN = 'How to use it on your own data'
FORM = ['Idea', 'Commands', OWN, 'Recipe', 'Results', 'Citation']
CONFIGS = {
    f'{name}-{number}': block
    for name, page in PAGES.items()
    for number, block in enumerate(blocks(page))
    if block.startswith('_base_')
}


def section(page, heading: str) -> str:
    return page.read_text(encoding='utf-8').split(f'\n## {heading}\n')[1].split('\n## ')[0]


@pytest.mark.parametrize('name', PAGES)
def test_page_has_the_common_form(name):
    page = PAGES[name]
    headings = re.findall(r'^## (.+)$', page.read_text(encoding='utf-8'), re.MULTILINE)
    assert [heading for heading in headings if heading in FORM] == FORM
    assert re.search(r'^ {4}\S', section(page, 'Idea'), re.MULTILINE)  # a figure in text
    assert re.search(r'^ {4}@\w+\{\w+,$', section(page, 'Citation'), re.MULTILINE)


@pytest.mark.parametrize('name', CONFIGS)
def test_config_of_a_page_builds(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'my_config.py').write_text(CONFIGS[name], encoding='utf-8')
    cfg = load_config('my_config.py')
    MODELS.build(cfg.model)
    assert {'labeled', 'unlabeled'} <= set(cfg.train_dataloader.dataset)


def test_pages_show_how_to_use_a_method_on_own_data():
    """In six or seven lines below the bases, of this method, and for the command that is named."""
    for name, page in PAGES.items():
        text = section(page, OWN)
        (config,) = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
        bases, lines = config.split('\n]\n')
        assert len(lines.splitlines()) <= 7, name
        assert f'_base_/methods/{name}' in bases and 'datasets/own_lists.py' in bases, name
        assert f'semiseg_mm train my_{name}.py' in text, name
