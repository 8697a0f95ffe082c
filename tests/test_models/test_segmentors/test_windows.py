import copy
import pickle
from math import log
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models import EncoderDecoder

import semiseg_mm
from semiseg_mm.apis import publish
from semiseg_mm.engine.inference import Predictor
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.windows import slide_inference, spans
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config, toy_network

SLIDE = dict(mode='slide', crop_size=(12, 12), stride=(8, 8))
AS_UNIMATCH = dict(SLIDE, windows='cut', average='probabilities')


class Counting(SimpleNamespace):
    """A network whose k-th window has the logits 0 and log(k), so the probability k / (k + 1)."""

    out_channels, seen = 2, 0

    def encode_decode(self, images, metas):
        assert metas[0]['img_shape'] == images.shape[2:]
        self.seen += 1
        logits = torch.zeros(len(images), 2, *images.shape[2:])
        logits[:, 1] = log(self.seen)
        return logits


@pytest.mark.parametrize(
    'words, expected',
    [
        # windows 0-3 and 2-5: one pixel in both
        (dict(average='logits'), [0, 0, log(2) / 2, log(2), log(2)]),
        (dict(average='probabilities'), [1 / 2, 1 / 2, 7 / 12, 2 / 3, 2 / 3]),
        # windows 0-3, 2-5 and 4-5
        (dict(windows='cut', average='logits'), [0, 0, log(2) / 2, log(2), log(6) / 2]),
        (dict(windows='cut', average='probabilities'), [1 / 2, 1 / 2, 7 / 12, 2 / 3, 17 / 24]),
    ],
)
def test_a_row_of_five_pixels_by_hand(words, expected):
    network = Counting(test_cfg=dict(crop_size=(1, 3), stride=(1, 2), **words))
    metas = [dict(img_shape=(1, 5))]
    found = slide_inference(network, torch.rand(1, 3, 1, 5), metas)
    shown = found.softmax(1) if words['average'] == 'probabilities' else found
    torch.testing.assert_close(shown[0, 1, 0], torch.tensor(expected, dtype=torch.float))
    assert metas == [dict(img_shape=(1, 5))]


def test_windows_of_cityscapes():
    """As UniMatch's code cuts them: 490 rows and 446 columns are left for the last ones."""
    rows = [(one.start, one.stop) for one in spans(1024, 801, 534, cut=True)]
    columns = [(one.start, one.stop) for one in spans(2048, 801, 534, cut=True)]
    assert rows == [(0, 801), (534, 1024)]
    assert columns == [(0, 801), (534, 1335), (1068, 1869), (1602, 2048)]
    # UniMatch V2 moves them back
    assert [one.start for one in spans(2048, 798, 532, cut=False)] == [0, 532, 1064, 1250]
    assert [(one.start, one.stop) for one in spans(5, 8, 3, cut=False)] == [(0, 5)]


@pytest.mark.parametrize('size', [(12, 12), (9, 20), (12, 21), (28, 31)])
def test_moved_windows_of_logits_are_mmsegs_own(size):
    network = MODELS.build(ConfigDict(toy_network(), test_cfg=SLIDE)).eval()
    images = torch.randn(2, 3, *size)
    metas = [dict(ori_shape=size, img_shape=size)] * 2
    with torch.no_grad():
        expected = network.inference(images, metas)
        assert torch.equal(slide_inference(network, images, metas), expected)


@pytest.fixture
def build():
    init_default_scope('semiseg_mm')

    def build(test_cfg, network=None, **model):
        torch.manual_seed(0)
        network = network or toy_network()
        return MODELS.build(
            dict(type='SupOnly', segmentor=network, test_cfg=test_cfg, **model)
        ).eval()

    return build


def straight(network, images):
    """UniMatch's windows once more, as plainly as can be."""
    total = torch.zeros(1, 3, *images.shape[2:])
    for row in range(0, images.shape[2], 8):
        for column in range(0, images.shape[3], 8):
            part = images[:, :, row : row + 12, column : column + 12]
            logits = F.interpolate(network._forward(part), part.shape[2:], mode='bilinear')
            total[:, :, row : row + 12, column : column + 12] += logits.softmax(1)
    return total / total.sum(1, keepdim=True)


def test_validation_and_predictor_have_the_windows_of_the_config(build):
    model = build(AS_UNIMATCH)
    image = torch.randint(0, 256, (3, 18, 29), dtype=torch.uint8)
    inputs = (image[None].float() - 127.5) / 127.5
    with torch.no_grad():
        expected = straight(model.networks['student'], inputs)[0]
    sample = model.test_step(dict(inputs=[image]))[0]
    torch.testing.assert_close(sample.seg_logits.data.softmax(0), expected)
    torch.testing.assert_close(Predictor.of(model).probabilities([image])[0], expected)
    plain = build(SLIDE).test_step(dict(inputs=[image]))[0].seg_logits.data.softmax(0)
    assert (plain - expected).abs().max() > 1e-3


def test_copies_keep_their_windows_and_look_with_their_own_weights(build):
    network = build(AS_UNIMATCH).networks['student']
    images, metas = torch.randn(1, 3, 18, 29), [dict(ori_shape=(18, 29), img_shape=(18, 29))]
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        with torch.no_grad():
            assert torch.equal(other.inference(images, metas), network.inference(images, metas))
            other.decode_head.conv_seg.bias[0] = 50.0
            assert (other.inference(images, metas).argmax(1) == 0).all()
            assert (network.inference(images, metas).argmax(1) != 0).any()


@pytest.mark.parametrize(
    'test_cfg, said',
    [
        (dict(SLIDE, windows='cutt'), "test_cfg.windows='cutt' is none of .* Did you mean 'cut'"),
        (dict(SLIDE, average='probs'), "test_cfg.average='probs' is none of 'logits', 'probabil"),
        (dict(SLIDE, small='padd'), "test_cfg.small='padd' is none of 'keep', 'pad'"),
        (dict(mode='slide'), "test_cfg.mode='slide' needs crop_size and stride, such as"),
    ],
)
def test_misspelt_words_are_named(build, test_cfg, said):
    with pytest.raises(UserError, match=said):
        build(test_cfg)


class Own(EncoderDecoder):
    def slide_inference(self, inputs, batch_img_metas):
        return self.encode_decode(inputs, batch_img_metas)


def test_what_could_not_be_done_is_refused(build):
    network = toy_network()
    network['decode_head'].update(out_channels=1, num_classes=2, threshold=0.5)
    network['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss', use_sigmoid=True)
    with pytest.raises(UserError, match='out_channels=1 has no class probabilities'):
        build(AS_UNIMATCH, network)
    with pytest.raises(UserError, match="Own has windows of its own: leave windows='cut'"):
        build(dict(SLIDE, windows='cut'), dict(toy_network(), type=Own))
    two = [dict(toy_network(), test_cfg=dict(SLIDE, small=small)) for small in ('keep', 'pad')]
    with pytest.raises(UserError, match='pad small images differently'):
        MODELS.build(dict(type='CPSSegmentor', segmentor=two))
    network = toy_network()
    network['data_preprocessor']['test_cfg'] = dict(size=(64, 64))
    with pytest.raises(UserError, match=r'to \(12, 12\), but data_preprocessor.test_cfg.size'):
        build(dict(SLIDE, small='pad'), network)


def test_small_images_are_padded_with_the_mean_and_cut_again(build):
    """Zero after normalising. The network sees the padding; it is not in the result."""
    padded, kept = build(dict(SLIDE, small='pad')), build(SLIDE)
    small = torch.randint(0, 256, (3, 9, 20), dtype=torch.uint8)
    whole = F.pad((small[None].float() - 127.5) / 127.5, (0, 0, 0, 3))
    metas = [dict(ori_shape=(12, 20), img_shape=(12, 20))]
    with torch.no_grad():
        expected = padded.networks['student'].inference(whole, metas)[0, :, :9]
    found = padded.test_step(dict(inputs=[small], data_samples=[sample(small)]))[0]
    assert torch.equal(found.seg_logits.data, expected)
    assert found.pred_sem_seg.shape == (9, 20)
    probabilities = Predictor.of(padded).probabilities([small])[0]
    torch.testing.assert_close(probabilities, expected.softmax(0))
    other = kept.test_step(dict(inputs=[small], data_samples=[sample(small)]))[0]
    assert (other.seg_logits.data - expected).abs().max() > 1e-3
    large = torch.randint(0, 256, (3, 14, 20), dtype=torch.uint8)
    one, two = (
        model.test_step(dict(inputs=[large], data_samples=[sample(large)]))[0].seg_logits.data
        for model in (padded, kept)
    )
    assert torch.equal(one, two)


def sample(image):
    from mmseg.structures import SegDataSample

    size = tuple(image.shape[1:])
    return SegDataSample(metainfo=dict(img_shape=size, ori_shape=size))


def test_a_published_config_pads_too_and_says_which_windows_mmseg_has_not(tmp_path, capsys):
    small = dict(mode='slide', crop_size=(32, 32), stride=(32, 32), small='pad', windows='cut')
    cfg = toy_config(tmp_path / 'run', dict(type='SupOnly', test_cfg=small), max_iters=1)
    cfg.dump(tmp_path / 'config.py')
    runner = build_runner(cfg)
    runner.train()
    weights = str(tmp_path / 'run/iter_1.pth')
    out, published = publish(str(tmp_path / 'config.py'), weights, str(tmp_path / 'one.pth'))
    plain = Config.fromfile(published)
    assert plain.model.data_preprocessor.test_cfg == dict(size=(32, 32))
    assert 'small' not in plain.model.test_cfg
    comment = '# Its scores were measured with test_cfg windows='
    assert Path(published).read_text().startswith(comment)
    assert "windows='cut'" in capsys.readouterr().err
    model = MODELS.build(plain.model).eval()
    model.load_state_dict(torch.load(out, weights_only=True)['state_dict'])
    image = torch.randint(0, 256, (3, 24, 24), dtype=torch.uint8)  # one window: no other difference
    runner.model.eval()
    found, expected = (
        one.test_step(dict(inputs=[image], data_samples=[sample(image)]))[0].seg_logits.data
        for one in (model, runner.model)
    )
    assert found.shape[1:] == (24, 24)
    assert torch.equal(found, expected)
    large = torch.randint(0, 256, (3, 40, 56), dtype=torch.uint8)
    expected = Predictor.of(runner.model).probabilities([large])
    torch.testing.assert_close(semiseg_mm.load(out).predictor.probabilities([large]), expected)
