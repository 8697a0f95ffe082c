"""The page about a training: what stands on it, of whole, stopped and damaged runs."""

import json
import os
import re
import shutil
from html import unescape

import pytest
from browser import OVERFLOW
from mmengine.config import Config

from semiseg_mm.apis.report import run_report
from semiseg_mm.apis.report.looks import spread
from semiseg_mm.apis.report.run import read_run
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config

PARTS = (
    'What ran', 'Scores', 'Curves', 'Classes', 'Worst validation images', 'Some validation images',
    'Agreement of the networks', 'Unlabeled images', 'What the training saw', 'Warnings',
    'Environment and settings',
)  # fmt: skip
NEEDING = PARTS[4:8]  # the network


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Two networks, three validations, a folder and a log with words that are no tags."""
    folder = tmp_path_factory.mktemp('report')
    extra = {
        'default_hooks.pictures': dict(type='PictureHook', labeled=1, unlabeled=2, times=2),
        'train_cfg.val_interval': 2,
        'log_level': 'INFO',
    }
    cfg = toy_config(folder / '<i>run', dict(type='CPSSegmentor'), **extra)
    cfg.dump(folder / 'toy.py')
    runner = build_runner(Config.fromfile(folder / 'toy.py'))
    runner.train()
    (log,) = (folder / '<i>run').glob('*/*.log')
    said = (
        '2026/11/27 20:42:16 - mmengine - WARNING - Labels & <script>alert(1)</script> are few.\n'
    )
    log.write_text(log.read_text() + 2 * said)
    return folder / '<i>run'


@pytest.fixture
def copy(trained, tmp_path):
    """Its files, to be damaged."""
    return shutil.copytree(trained, tmp_path / 'run')


def page(folder, *options):
    assert run_report([str(folder), '--images', '2', *options]) == 0
    return (folder / 'report.html').read_text(encoding='utf-8')


def parts(text):
    """What stands in each section, without tags."""
    found = re.split(r'<h2>(.*?)</h2>', text)
    plain = (unescape(re.sub(r'<[^>]+>', ' ', part)) for part in found[2::2])
    return dict(zip(map(unescape, found[1::2]), (' '.join(part.split()) for part in plain)))


def test_each_part_is_there(trained):
    text = page(trained)
    said = parts(text)
    assert tuple(said) == PARTS
    results = json.loads((trained / 'results.json').read_text())
    last = results['networks']['net_0']['mIoU']['last']
    assert 'The training came to its end: iteration 6 of 6.' in text
    for fact in ('method toy (CPSSegmentor)', 'config toy.py', 'seed 3', '2 labeled + 2 unlabeled'):
        assert fact in said['What ran']
    assert f'net_0 mIoU {last:.2f}' in said['Scores']
    assert all(name in said['Curves'] for name in ('mIoU', 'net_0', 'Losses', 'Learning rate'))
    whole = f'all 4 validation images together have {last:.2f} mIoU'
    assert whole in said['Worst validation images']
    assert 'No mask of these images was opened' in said['Unlabeled images']
    assert 'net_0 and net_1' in said['Agreement of the networks']
    assert 'pictures/iter_000006.png' in said['What the training saw']
    assert '2 Labels & <script>alert(1)</script> are few.' in said['Warnings']
    assert 'PyTorch' in said['Environment and settings']
    assert '<script>alert' not in text and '<i>run' not in text
    worst = re.findall(r'IoU ([\d.]+), accuracy', said['Worst validation images'])
    assert len(worst) == 2 and float(worst[0]) <= float(worst[1])
    assert page(trained) == text


def test_without_the_network_the_rest_is_there(trained):
    said = parts(page(trained, '--no-network'))
    assert tuple(said) == tuple(part for part in PARTS if part not in NEEDING)


def test_a_stopped_run_says_how_far_it_came(copy):
    (copy / 'results.json').unlink()
    (copy / 'iter_6.pth').unlink()
    (scalars,) = copy.glob('*/vis_data/scalars.json')
    lines = scalars.read_text().splitlines(keepends=True)
    scalars.write_text(''.join(line for line in lines if json.loads(line)['step'] < 5))
    text = page(copy)
    assert 'The training stopped at iteration 4 of 6.' in text
    assert 'config toy.py' in parts(text)['What ran']
    assert 'Last: of iteration 4' in parts(text)['Scores']
    assert 'iter_3.pth' in parts(text)['Worst validation images']


def test_a_run_without_a_checkpoint_says_so(copy):
    for file in (copy / 'results.json', *copy.glob('*.pth')):
        file.unlink()
    (scalars,) = copy.glob('*/vis_data/scalars.json')
    scalars.write_text(json.dumps(dict(loss=1.0, iter=2, step=2)) + '\n')
    text = page(copy, '--no-network')
    assert 'stopped at iteration 2 of 6. It saved no checkpoint, so the same command' in text
    scalars.write_text('')
    text = page(copy, '--no-network')
    assert 'stopped before it logged or saved an iteration. It saved no checkpoint' in text


def test_after_one_validation_there_is_no_best_of_several(copy):
    said = parts(page(copy, '--no-network'))['Scores']
    assert re.search(r'net_0 mIoU [\d.]+ [\d.]+ [246] ', said), said
    results = json.loads((copy / 'results.json').read_text())
    results['history'] = results['history'][-1:]
    (copy / 'results.json').write_text(json.dumps(results))
    said = parts(page(copy, '--no-network'))['Scores']
    assert re.search(r'net_0 mIoU [\d.]+ – – ', said), said
    assert 'There was one validation, so there is no best' in said and 'chosen' not in said


def test_a_few_validation_images_are_shown_once(copy):
    said = parts(page(copy, '--images', '4'))
    assert 'Some validation images' not in said and 'Worst validation images' not in said
    assert said['Validation images'].count(', accuracy') == 4
    (file,) = copy.glob('*.py')
    cfg = Config.fromfile(file)
    cfg.val_dataloader.dataset.num_images = 1
    cfg.dump(file)
    said = parts(page(copy))['Validation images']
    assert ', the only validation image has ' in said and said.count(', accuracy') == 1


def test_a_resumed_call_takes_the_place_of_what_it_did_again(copy):
    """The first call was killed at 4, and its last checkpoint was of 3."""
    (first,) = copy.glob('*/vis_data/scalars.json')
    rows = [{'loss': 9.0, 'iter': k, 'step': k} for k in (2, 4)]
    first.write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    second = copy / '99990101_000000/vis_data/scalars.json'
    second.parent.mkdir(parents=True)
    rows = [{'loss': 1.0, 'iter': k, 'step': k} for k in (4, 6)]
    second.write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    found = [(row['iter'], row['loss']) for row in read_run(copy).rows]
    assert found == [(2, 9.0), (4, 1.0), (6, 1.0)]


def test_scores_of_tests_stand_apart(copy):
    line = (copy / 'records.jsonl').read_text().splitlines()[-1]
    facts = dict(json.loads(line), kind='test', checkpoint='iter_6.pth', scores=dict(mIoU=12.345))
    with open(copy / 'records.jsonl', 'a') as file:
        file.write(json.dumps(facts) + '\n{"form": 1, "ki')
    said = parts(page(copy, '--no-network'))
    assert 'net_0 iter_6.pth last mIoU 12.35 4' in said['Tests']
    assert 'records.jsonl:8 was cut off' in said['Files that cannot be read']


def test_a_run_that_goes_on_says_so(copy, monkeypatch):
    monkeypatch.setattr('semiseg_mm.apis.report.run.is_running', lambda folder: True)
    record = json.loads((copy / 'results.json').read_text())
    (copy / 'results.json').write_text(json.dumps(dict(record, max_iters=100)))
    text = page(copy, '--no-network')
    assert 'The training is still going: iteration 6 of 100 so far.' in text


def test_damaged_files_are_named_and_the_rest_is_shown(copy):
    (scalars,) = copy.glob('*/vis_data/scalars.json')
    scalars.write_text(scalars.read_text() + '{"iter": 8, "lo')
    (copy / 'results.json').write_text('{"iter"')
    (copy / 'iter_6.pth').write_bytes((copy / 'iter_6.pth').read_bytes()[:500])
    (copy / 'pictures/iter_000006.png').write_bytes(b'no picture')
    said = parts(page(copy))
    damaged = said['Files that cannot be read']
    for words in ('scalars.json: line', 'results.json cannot be read', 'iter_6.pth is damaged'):
        assert words in damaged
    assert 'iter_000006.png is no picture' in said['What the training saw']
    assert 'Last: of iteration 6' in said['Scores']
    assert 'iter_3.pth' in said['Worst validation images'] and 'Losses' in said['Curves']


def test_data_that_is_gone_is_said_once(trained, monkeypatch):
    def refuse(dataset, key):
        raise UserError(f'The folder of {key} does not exist.')

    monkeypatch.setattr('semiseg_mm.apis.report.looks.check_paths', refuse)
    said = parts(page(trained))
    assert said['Validation images'] == 'The folder of val_dataloader.dataset does not exist.'
    assert 'The folder of train_dataloader.dataset' in said['Unlabeled images']
    assert said.keys() - set(PARTS) == {'Validation images'} and 'Warnings' in said


def test_a_record_that_holds_strange_things_spoils_its_own_part_alone(copy):
    record = json.loads((copy / 'results.json').read_text())
    record.update(networks=dict(net_0=7), per_class=['x'])
    (copy / 'results.json').write_text(json.dumps(record))
    said = parts(page(copy, '--no-network'))
    assert 'This part could not be made: ' in said['Scores']
    assert 'This part could not be made: ' in said['Classes']
    assert 'Losses' in said['Curves']


def test_what_is_no_training_is_a_sentence(tmp_path, trained, capfd):
    assert run_report([str(tmp_path)]) == 1
    assert f'{tmp_path} holds no training' in capfd.readouterr().err
    assert run_report([str(trained.parent)]) == 1
    assert 'such as ' in capfd.readouterr().err
    assert run_report([str(tmp_path / 'nowhere')]) == 1
    assert 'is no folder' in capfd.readouterr().err
    assert run_report([str(trained), '--out', str(trained / 'results.json')]) == 1
    assert 'end it in .html' in capfd.readouterr().err


def test_images_are_taken_at_equal_distances():
    assert spread(10, 4) == [0, 2, 5, 7] and spread(2, 4) == [0, 1] and spread(3, 0) == []


def test_a_browser_has_nothing_to_complain_of(trained, browser):
    page(trained)
    assert os.path.getsize(trained / 'report.html') < 5_000_000
    for width in (390, 1280):
        browser.open(trained / 'report.html', width=width)
        assert browser.value(OVERFLOW) == 0
        broken = '[...document.images].filter((image) => !image.naturalWidth).length'
        assert browser.value('document.images.length') > 15 and browser.value(broken) == 0
        assert browser.complaints == []
