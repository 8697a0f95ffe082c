import pytest
import torch
from mmengine.config import Config
from processes import forked

from semiseg_mm.apis import publish, run_publish
from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine.rewriting import use_parts
from semiseg_mm.engine.runner import build_runner
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


def test_it_knows_its_classes_and_where_it_comes_from(trained, tmp_path):
    args = (str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), str(tmp_path / 'a/m.pth'))
    out, _ = publish(*args, 'net_0')
    meta = torch.load(out, weights_only=True)['meta']
    assert len(meta['dataset_meta']['classes']) == len(CLASSES) and meta['network'] == 'net_0'


def test_several_networks_ask_for_a_choice(trained, tmp_path, capfd):
    args = [str(trained / 'config.py'), str(trained / 'run/iter_1.pth'), str(tmp_path / 'm')]
    assert run_publish(args) == 1
    assert 'has net_0, net_1: choose one with --network' in capfd.readouterr().err
    assert not list(tmp_path.iterdir())
