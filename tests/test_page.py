"""What all pages share: charts, the style, the script that shows values."""

import json
import re

import pytest
from browser import OVERFLOW
from markupsafe import Markup

from semiseg_mm.page import render
from semiseg_mm.page.charts import HEIGHT, LEFT, RIGHT, WIDTH, line_chart, number

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width"><style>{{ style }}</style></head><body>
<div class="charts">{{ chart }}</div><p>{{ said }}</p><script>{% include 'values.js' %}</script>
</body></html>"""


def paths(chart):
    return re.findall(r'<path style="[^"]+" d="([^"]*)"', chart)


def test_a_curve_goes_from_place_to_place():
    (path,) = paths(line_chart('loss', dict(a=([0, 5, 10], [0.0, 2.0, 4.0]))))
    bottom, top = HEIGHT - 22, 8
    middle = LEFT + (WIDTH - RIGHT - LEFT) / 2, top + (bottom - top) / 2
    places = re.findall(r'[\d.]+', path)
    assert list(map(float, places)) == [LEFT, bottom, *middle, WIDTH - RIGHT, top]


def test_what_is_not_finite_leaves_a_gap():
    values = [1.0, 2.0, float('nan'), 3.0, float('inf'), 4.0]
    (path,) = paths(line_chart('loss', dict(a=(range(1, 7), values))))
    assert re.findall('[ML]', path) == ['M', 'L', 'M', 'M']
    assert 'No finite value' in line_chart('loss', dict(a=([1], [float('nan')])))
    assert 'No finite value' in line_chart('loss', {})


@pytest.mark.parametrize('value', [0.0, 3.0, -1e-9, 1e30])
def test_one_value_is_drawn(value):
    chart = line_chart('one', dict(a=([7], [value])))
    assert 'nan' not in chart and chart.count('<circle') == 1


def test_names_are_escaped_everywhere():
    name = '<script>alert("1")</script>\''
    chart = line_chart(name, {name: ([1, 2], [1.0, 2.0])})
    assert '<script' not in chart and 'data-lines="[{&' in chart


@pytest.mark.parametrize(
    ('value', 'words'),
    [(68.27, '68.27'), (0.000123456, '0.0001235'), (1000.0, '1000'), (float('nan'), 'nan')],
)
def test_numbers_are_short(value, words):
    assert number(value) == words


def test_a_browser_shows_values_under_the_pointer(tmp_path, browser):
    (tmp_path / 'page.txt').write_text(PAGE)
    chart = line_chart('mIoU', dict(teacher=([500, 1000], [61.65, 68.27])))
    assert json.loads(Markup(re.search('data-lines="([^"]*)"', chart)[1]).unescape())
    text = render(tmp_path / 'page.txt', title='T', chart=chart, said='<b>no tag</b>')
    (tmp_path / 'page.html').write_text(text)
    browser.open(tmp_path / 'page.html', width=390)
    assert browser.value('document.querySelector("p").textContent') == '<b>no tag</b>'
    assert browser.value('document.querySelector("output").textContent') == '68.27'
    browser.value(
        'box = document.querySelector("svg").getBoundingClientRect();'
        'document.querySelector("svg").dispatchEvent(new PointerEvent("pointermove", '
        '{clientX: box.left + box.width / 2, clientY: box.top + 9}))'
    )
    assert browser.value('document.querySelector("output").textContent') == '61.65'
    assert browser.value('document.querySelector("h3").textContent') == 'mIoU at 500'
    assert browser.value(OVERFLOW) == 0
    browser.open(tmp_path / 'page.html', dark=True)
    dark = browser.value('getComputedStyle(document.body).backgroundColor')
    assert dark == 'rgb(20, 24, 31)'
    assert browser.complaints == []
