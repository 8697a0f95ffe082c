"""ONNX files of trained networks, run by onnxruntime."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

import semiseg_mm
from semiseg_mm.apis.export import run_export
from semiseg_mm.apis.export.check import compare
from semiseg_mm.apis.export.graph import ExportedNetwork, normalisation
from semiseg_mm.engine.inference import preprocess_of
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import VARIED
from semiseg_mm.utils.places import METHODS

onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    method = Config.fromfile(METHODS / 'sup_only.py')
    cfg = toy_config(
        folder, dict(method.model), 3, **{'model.segmentor.decode_head.init_cfg': VARIED}
    )
    build_runner(cfg).train()
    return folder


def test_a_file_for_any_size_gives_the_networks_labels(run, tmp_path, capsys):
    assert run_export([str(run), str(tmp_path / 'out/net')]) == 0
    printed = capsys.readouterr().out
    assert 'for images of any size' in printed and 'differ by at most' in printed
    file, network = str(tmp_path / 'out/net.onnx'), semiseg_mm.load(run)
    session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    assert [one.name for one in session.get_outputs()] == ['label']
    classes = set()
    for size in ((70, 90), (128, 66)):
        image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)  # blue first
        (label,) = session.run(None, dict(image=image[None, ..., ::-1].transpose(0, 3, 1, 2)))
        assert (label[0] != network(image)).mean() < 1e-3
        classes |= set(label.flat)
    assert len(classes) > 1
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about['classes']) == list(network.classes)
    assert 'red first' in about['input'] and about['source'] == 'iter_3.pth'


def test_a_file_for_one_size_gives_probabilities(run, tmp_path):
    words = [str(run), str(tmp_path / 'net.onnx'), '--size', '32', '48', '--probabilities']
    assert run_export(words) == 0
    session = onnxruntime.InferenceSession(str(tmp_path / 'net.onnx'))
    assert session.get_inputs()[0].shape == [1, 3, 32, 48]
    image = np.zeros((1, 3, 32, 48), np.uint8)
    (found,) = session.run(None, dict(image=image))
    assert found.shape == (1, 7, 32, 48)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)

    # the check sees a network that is not that of the file
    trained = semiseg_mm.load(run)
    module = ExportedNetwork(trained.predictor.network, normalisation(trained.preprocessor)).eval()

    class Both(nn.Module):
        pixels = module.pixels

        def forward(self, image):
            label, probabilities = module(image)
            return label, probabilities.roll(1, 1)

    both = onnx.load(str(tmp_path / 'net.onnx'))
    label = onnx.helper.make_tensor_value_info('label', onnx.TensorProto.UINT8, [1, 32, 48])
    both.graph.output.insert(0, label)
    onnx.save(both, str(tmp_path / 'both.onnx'))
    good = compare(module, str(tmp_path / 'both.onnx'), [(32, 48)])
    assert good.passed and good.probability < 1e-5
    assert not compare(Both(), str(tmp_path / 'both.onnx'), [(32, 48)]).passed


@pytest.mark.parametrize(
    'words, said',
    [
        (['nowhere', 'x.onnx'], 'nowhere does not exist'),
        (['RUN', 'x.onnx', '--size', '0', '32'], 'positive multiples of 1'),
        (['RUN', 'x.onnx', '--network', 'teacher'], 'has student: choose one'),
    ],
)
def test_a_mistake_is_one_sentence(run, capsys, words, said):
    assert run_export([word.replace('RUN', str(run)) for word in words]) == 1
    assert said in capsys.readouterr().err


def test_missing_packages_are_named(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__('sys').modules, 'onnxscript', None)
    assert run_export([str(run), str(tmp_path / 'x.onnx')]) == 1
    assert 'pip install "semiseg_mm[onnx]"' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('options', [{}, dict(bgr_to_rgb=True), dict(mean=None, std=None)])
def test_what_is_inside_is_what_the_preprocessor_does(options):
    means = dict(mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4]) | options
    preprocessor = MODELS.build(dict(type='SegDataPreProcessor', **means))
    seen = []

    class Network(nn.Module):
        def encode_decode(self, x, metas):
            seen.append(x)
            return x

    image = torch.randint(0, 256, (3, 8, 9), dtype=torch.uint8)  # blue first, as it is loaded
    ExportedNetwork(Network(), normalisation(preprocessor))(image.flip(0)[None])
    expected = preprocess_of(preprocessor)([image])
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=1e-5)


def test_other_channels_are_refused():
    preprocessor = nn.Module()
    preprocessor.mean = preprocessor.std = torch.ones(4)
    with pytest.raises(UserError, match='images of 4 channels, and its images have 3'):
        normalisation(preprocessor)
