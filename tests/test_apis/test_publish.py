import hashlib
import json
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from processes import forked

import semiseg_mm
from semiseg_mm.apis import publish, run_publish
from semiseg_mm.apis.cli import run_test
from semiseg_mm.apis.trained_files import find_files
from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine.rewriting import use_parts
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.records import NAME
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config, toy_network
from semiseg_mm.utils.places import METHODS

PLAIN = """
import sys, torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
import mmseg.models  # noqa
from mmseg.registry import MODELS
cfg = Config.fromfile(sys.argv[1])
init_default_scope(cfg.default_scope)
model = MODELS.build(cfg.model).eval()
model.load_state_dict(torch.load(sys.argv[2], weights_only=True)['state_dict'])
torch.save(model(torch.load(sys.argv[3])), sys.argv[4])
assert not any(name.split('.')[0] == 'semiseg_mm' for name in sys.modules)
"""


def plain_network() -> dict:
    """A real mmseg network, of few weights."""
    network = toy_network(num_classes=len(CLASSES))
    network['backbone'] = dict(
        type='ResNetV1c',
        depth=18,
        base_channels=6,
        stem_channels=6,
        num_stages=1,
        out_indices=(0,),
        strides=(1,),
        dilations=(1,),
        norm_cfg=dict(type='BN'),
    )
    return network


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """CPS around a real mmseg backbone, trained for one iteration."""
    from mmengine.registry import init_default_scope

    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('publish')
    cfg = toy_config(folder / 'run', dict(type='CPSSegmentor'), max_iters=1)
    cfg.model.segmentor = plain_network()
    cfg.dump(folder / 'config.py')
    build_runner(cfg).train()
    return folder


def test_plain_mmseg_loads_it_and_predicts_the_same(trained, tmp_path):
    """In a process that never imports this project."""
    out, config = publish(
        str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), str(tmp_path / 'm'), 'net_1'
    )
    images = torch.randn(1, 3, 24, 24)
    torch.save(images, tmp_path / 'images.pt')
    args = [config, out, str(tmp_path / 'images.pt'), str(tmp_path / 'logits.pt')]
    done = forked(['-c', PLAIN, *args], plain=True)
    assert done.returncode == 0, done.stderr
    cfg = Config.fromfile(trained / 'config.py')
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(trained / 'run/iter_1.pth', weights_only=True)['state_dict'])
    logits = torch.load(tmp_path / 'logits.pt')
    assert torch.equal(logits, model.networks['net_1'](images))
    assert not torch.equal(logits, model.networks['net_0'](images))


@pytest.mark.parametrize('name', ['adv_sem_seg', 'u2pl'])
def test_modules_beside_the_network_are_left_behind(name, tmp_path):
    """Discriminator, projectors and banks; mmseg alone loads what is left."""
    method = Config.fromfile(METHODS / f'{name}.py')
    cfg = toy_config(tmp_path / 'run', dict(method.model), max_iters=1)
    cfg.merge_from_dict(dict(custom_hooks=method.get('custom_hooks', [])))
    cfg.model.segmentor = plain_network()
    use_parts(cfg, method.get('optimizer_parts'))
    cfg.dump(tmp_path / 'config.py')
    build_runner(cfg).train()
    checkpoint = str(tmp_path / 'run/iter_1.pth')
    out, config = publish(str(tmp_path / 'config.py'), checkpoint, str(tmp_path / 'm'), 'student')
    stored = torch.load(checkpoint, weights_only=True)['state_dict']
    assert any(key.startswith('auxiliaries.') for key in stored)
    images = torch.randn(1, 3, 24, 24)
    torch.save(images, tmp_path / 'images.pt')
    args = [config, out, str(tmp_path / 'images.pt'), str(tmp_path / 'logits.pt')]
    done = forked(['-c', PLAIN, *args], plain=True)
    assert done.returncode == 0, done.stderr
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(stored)
    assert torch.equal(torch.load(tmp_path / 'logits.pt'), model.networks['student'](images))


def test_weights_that_are_not_finite_are_refused(trained, tmp_path, capfd):
    content = torch.load(trained / 'run/iter_1.pth', weights_only=True)
    broken = 'networks.net_1.decode_head.conv_seg.bias'
    content['state_dict'][broken][0] = float('nan')
    torch.save(content, tmp_path / 'iter_1.pth')
    call = [str(trained / 'config.py'), str(tmp_path / 'iter_1.pth'), str(tmp_path / 'out/m')]
    assert run_publish([*call, '--network', 'net_1']) == 1
    said = capfd.readouterr().err
    assert 'iter_1.pth is not published: 1 of ' in said
    assert '(the first: decode_head.conv_seg.bias)' in said
    assert not (tmp_path / 'out').exists()
    assert run_publish([*call, '--network', 'net_0']) == 0  # the other one is whole


def test_a_config_of_another_network_is_refused(trained, tmp_path):
    other = tmp_path / 'other.py'
    other.write_text(
        f"_base_ = '{trained / 'config.py'}'\nmodel = dict(segmentor=_base_.model.segmentor)\n"
        'model["segmentor"]["backbone"]["stem_channels"] = 8\n'
    )
    with pytest.raises(UserError, match=r'is not of .*other.py: .* \(6, 6, .* \(6, 8, .* its work'):
        publish(str(other), str(trained / 'run/iter_1.pth'), str(tmp_path / 'm.pth'), 'net_0')
    assert not (tmp_path / 'm.pth').exists()


def test_the_folder_of_a_published_model_stands_for_it(trained, tmp_path):
    publish(str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), f'{tmp_path}/m', 'net_0')
    assert find_files(str(tmp_path), None) == (f'{tmp_path}/m.pth', f'{tmp_path}/m.py')
    (tmp_path / 'n.pth').write_bytes(b'')
    (tmp_path / 'n.py').touch()
    with pytest.raises(UserError, match=r'several models \(m.pth, n.pth\)'):
        find_files(str(tmp_path), None)


def test_it_knows_its_classes_and_where_it_comes_from(trained, tmp_path):
    args = (str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), str(tmp_path / 'a/m.pth'))
    out, _ = publish(*args, 'net_0')
    meta = torch.load(out, weights_only=True)['meta']
    assert len(meta['dataset_meta']['classes']) == len(CLASSES) and meta['network'] == 'net_0'


def test_a_published_file_is_tested_with_what_it_was_trained_on(trained, tmp_path):
    run, out = trained / 'run', tmp_path / 'm.pth'
    assert run_publish([str(run), str(out), '--network', 'net_1']) == 0
    facts = json.loads((run / NAME).read_text().splitlines()[0])
    cfg = Config.fromfile(trained / 'config.py')
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = dict(type='NetworksTestLoop')
    cfg.train_cfg.max_iters = 9  # of this config, not of the training
    cfg.dump(tmp_path / 'c.py')
    words = [str(tmp_path / 'c.py'), str(out), '--work-dir', str(tmp_path / 'test')]
    assert run_test([*words, '--out', str(tmp_path / 'labels')]) == 0
    (record,) = [json.loads(line) for line in (tmp_path / 'test' / NAME).read_text().splitlines()]
    assert (record['evaluated'], record['chosen'], record['iterations']) == ('net_1', 'last', 1)
    for key in ('labels', 'split', 'seed', 'config_sha256', 'dataset'):
        assert record[key] == facts[key], key
    assert run_test([*words, '--network', 'net_3']) == 1
    meta = torch.load(out, weights_only=True)
    del meta['meta']['run']  # written by an older version
    torch.save(dict(meta, meta=dict(meta['meta'], network='student')), out)
    assert run_test(words) == 0
    record = json.loads((tmp_path / 'test' / NAME).read_text().splitlines()[-1])
    assert (record['evaluated'], record['labels']) == ('net_0', None)
    assert record['network']['weights'] is None  # nobody knows what it began with


def test_several_networks_ask_for_a_choice(trained, tmp_path, capfd):
    args = [str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), str(tmp_path / 'm')]
    assert run_publish(args) == 1
    assert 'has net_0, net_1: choose one with --network' in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_is_published_with_a_card_that_says_what_is_known(trained, tmp_path, capfd):
    run, out = trained / 'run', tmp_path / 'm.pth'
    assert run_publish([str(run), str(out)]) == 0
    said = torch.load(out, weights_only=True)['meta']
    assert said['network'] == 'net_0'  # the one that the method predicts with
    text = (tmp_path / 'MODEL_CARD.md').read_text()
    data = torch.load(run / 'iter_1.pth', weights_only=True)['meta']['semiseg_mm']['data']
    for name in ('labeled', 'unlabeled'):
        row = next(line for line in text.splitlines() if line.startswith(f'| {name} |'))
        assert f' {data[name]["count"]} |' in row and data[name]['sha256'] in row
    results = json.loads((run / 'results.json').read_text())['networks']
    for name, score in results.items():
        shown = f'{name} (this one)' if name == 'net_0' else name
        assert f'| {shown} | mIoU | {score["mIoU"]["last"]} | 1 |' in text
    assert hashlib.sha256(out.read_bytes()).hexdigest() in text
    assert all(f'| {k} | {name} |' in text for k, name in enumerate(CLASSES))
    assert 'Licence: to be filled in' in text and '## Not measured' in text
    assert 'other weights' not in text

    (tmp_path / 'MODEL_CARD.md').write_text('with words of mine')
    assert run_publish([str(run), str(out), '--license', 'cc-by-4.0']) == 0
    assert (tmp_path / 'MODEL_CARD.old-1.md').read_text() == 'with words of mine'
    assert 'Licence: cc-by-4.0.' in (tmp_path / 'MODEL_CARD.md').read_text()


def test_scores_of_another_iteration_are_called_so(trained, tmp_path):
    for name in ('iter_1.pth', 'results.json'):
        (tmp_path / name).write_bytes((trained / 'run' / name).read_bytes())
    record = json.loads((tmp_path / 'results.json').read_text())
    record['networks']['net_0']['mIoU'].update(last_iter=9)
    (tmp_path / 'results.json').write_text(json.dumps(record))
    checkpoint = str(tmp_path / 'iter_1.pth')
    publish(str(trained / 'config.py'), checkpoint, str(tmp_path / 'm'), 'net_0')
    text = (tmp_path / 'MODEL_CARD.md').read_text()
    assert 'of iteration 1, and the last scores of iteration 9: they are of other weights' in text


@pytest.mark.parametrize('safe', [True, False])
def test_a_folder_for_a_hub_loads_again(trained, tmp_path, monkeypatch, capfd, safe):
    if safe:
        pytest.importorskip('safetensors')
    else:
        monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    picture, hub = tmp_path / 'p.png', tmp_path / 'hub'
    Image.new('RGB', (4, 4)).save(picture)
    call = [str(trained / 'run'), '--network', 'net_1', '--hub', str(hub)]
    assert run_publish(call) == 1
    assert '--license is missing' in capfd.readouterr().err and not hub.exists()
    assert run_publish([*call, '--license', 'apache-2.0', '--preview', str(picture)]) == 0
    weights = 'model.safetensors' if safe else 'model.pth'
    names = {'README.md', 'config.json', 'model.py', 'preview.png', weights}
    assert {path.name for path in hub.iterdir()} == names
    front = (hub / 'README.md').read_text().split('---')[1].splitlines()
    wanted = ['library_name: semiseg_mm', 'pipeline_tag: image-segmentation', 'license: apache-2.0']
    assert set(wanted) <= set(front) and '- CPSSegmentor' in front
    about = json.loads((hub / 'config.json').read_text())
    assert about['weights_sha256'] == hashlib.sha256((hub / weights).read_bytes()).hexdigest()
    assert list(about['id2label'].values()) == list(CLASSES)

    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)
    again, own = semiseg_mm.load(hub), semiseg_mm.load(trained / 'run', network='net_1')
    assert np.array_equal(again.predict(image)[1], own.predict(image)[1])
    assert again.classes == own.classes and again.palette == own.palette
    (hub / weights).write_bytes(b'cut')
    with pytest.raises(UserError, match=f'{weights}'):
        semiseg_mm.load(hub)
