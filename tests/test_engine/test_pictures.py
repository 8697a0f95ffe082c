"""Pictures of what a training sees; they change nothing in it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from semiseg_mm.apis.browse import count_images, run_browse
from semiseg_mm.datasets.samplers import sampler_of
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.hooks import PictureHook, picture_hook
from semiseg_mm.engine.pictures import Look, draw_sheet, first_batch, look_at, panels
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.structures import View
from semiseg_mm.testing import toy_config
from semiseg_mm.utils.places import CONFIGS, METHODS

PALETTE = [[10 * k, 250 - 10 * k, 0] for k in range(7)]


def toy(folder, method, **extra):
    base = Config.fromfile(METHODS / f'{method}.py')
    hooks = [*base.get('custom_hooks', []), *extra.pop('custom_hooks', [])]
    return toy_config(folder, dict(base.model), 4, views=base.views, custom_hooks=hooks, **extra)


def look(model, runner):
    return look_at(model, first_batch(sampler_of(runner.train_dataloader), 2, 3), PALETTE)


@pytest.mark.parametrize('method', ['unimatch', 'u2pl'])
def test_a_training_is_the_same_with_pictures(tmp_path, method):
    """UniMatch draws masks and dropout, U2PL fills banks."""
    pictures = [dict(type='PictureHook', times=3, labeled=1, unlabeled=2)]
    weights = []
    for name, hooks in dict(without=[], drawn=pictures).items():
        build_runner(toy(tmp_path / name, method, custom_hooks=hooks)).train()
        weights.append(safe_load(str(tmp_path / name / 'iter_4.pth'))['state_dict'])
    for key, value in weights[0].items():
        assert torch.equal(value, weights[1][key]), key
    files = sorted((tmp_path / 'drawn/pictures').iterdir())
    assert [file.name for file in files] == ['iter_000002.png', 'iter_000004.png']
    drawn = [np.asarray(Image.open(file)) for file in files]
    assert drawn[0].shape == drawn[1].shape and (drawn[0] != drawn[1]).any()


@pytest.mark.parametrize('bgr_to_rgb', [False, True])
def test_views_are_shown_as_they_were_loaded(tmp_path, bgr_to_rgb):
    normalised = dict(
        type='SegDataPreProcessor', mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0],
        bgr_to_rgb=bgr_to_rgb,
    )  # fmt: skip
    cfg = toy(tmp_path, 'fixmatch', **{'model.segmentor.data_preprocessor': normalised})
    runner = build_runner(cfg)
    data = first_batch(sampler_of(runner.train_dataloader), 2, 3)
    again = first_batch(sampler_of(runner.train_dataloader), 2, 3)
    assert torch.equal(data['inputs']['weak'][2], again['inputs']['weak'][2])
    looks = look_at(runner.model, data, PALETTE)
    assert len(looks) == 5
    captions = ['weak', 'strong', 'strong, mixed', 'pseudo label', 'confidence', 'what counts']
    for k, one in enumerate(looks[2:]):
        panels = dict(one.panels)
        assert list(panels) == captions
        valid = data['pixels']['weak']['valid'][k, 0].numpy()
        for name in ('weak', 'strong'):
            raw = data['inputs'][name][k].numpy()[::-1].transpose(1, 2, 0)  # red first
            assert np.abs(panels[name].astype(int) - raw)[valid].max() <= 1
            assert (panels[name][~valid] == 96).all()
        assert (panels['pseudo label'][~valid] == 255).all()
        colours = set(map(tuple, panels['pseudo label'][valid]))
        assert colours <= set(map(tuple, PALETTE))
    labeled = dict(looks[0].panels)
    label = data['pixels']['labeled']['gt_sem_seg'][0, 0].numpy()
    inside = label != 255
    np.testing.assert_array_equal(labeled['label'][inside], np.array(PALETTE)[label[inside]])


def test_what_a_filter_drops_is_black(tmp_path):
    runner = build_runner(toy(tmp_path, 'fixmatch', **{'model.filter.value': 1.0 - 1e-7}))
    for one in look(runner.model, runner)[2:]:
        assert not dict(one.panels)['what counts'].any()


def test_a_stored_confidence_is_shown_as_it_was_stored():
    """255 stands for 1; a pixel that is ignored is black, and its label white."""
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=torch.tensor([[[1, 255]]], dtype=torch.uint8)),
        confidence=PixelData(data=torch.tensor([[[200, 255]]], dtype=torch.uint8)),
    )
    view = View(torch.zeros(1, 3, 1, 2), [sample], torch.ones(1, 1, 2, dtype=torch.bool))
    model = SimpleNamespace()
    shown = dict(panels._label_panels(model, panels._target(model, view), PALETTE))
    assert shown['confidence'][0][0, :, 0].tolist() == [200, 0]
    assert shown['pseudo label'][0][0].tolist() == [list(PALETTE[1]), [255, 255, 255]]


def test_a_picture_that_fails_stops_no_training(tmp_path, monkeypatch, caplog):
    cfg = toy(tmp_path, 'fixmatch', custom_hooks=[dict(type='PictureHook', interval=1)])
    calls = []
    monkeypatch.setattr(
        'semiseg_mm.engine.hooks.picture_hook.draw_sheet', lambda *_: calls.append(1) or 1 / 0
    )
    build_runner(cfg).train()
    assert calls == [1] and (tmp_path / 'iter_4.pth').is_file()


def test_a_sheet_has_a_row_for_each_image():
    red, blue = (np.full((8, 8, 3), colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    sheet = draw_sheet([Look('one', [('a', red), ('b', blue)])] * 2, ['x'], [[0, 255, 0]])
    reds = np.flatnonzero((sheet == [255, 0, 0]).all(2).any(1))
    assert (np.diff(reds) > 1).sum() == 1  # two rows
    assert (sheet == [0, 255, 0]).all(2).any()  # the legend


def test_browse_writes_a_sheet(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    leaf = next(CONFIGS.glob('fixmatch/fixmatch_*shapes*.py'))
    assert run_browse([str(leaf), '--labeled', '1', '--unlabeled', '2']) == 0
    out = tmp_path / f'browse_{leaf.stem}.png'
    assert np.asarray(Image.open(out)).std() > 10
    said = '1 labeled image and 2 unlabeled images.'
    assert capsys.readouterr().out.endswith(f'{out.name}: {said}\n')
    staged = next(CONFIGS.glob('st_plus_plus/*shapes*.py'))
    assert run_browse([str(staged)]) == 1
    assert 'trains in stages' in capsys.readouterr().err
    assert run_browse([str(leaf), '--unlabeled', '1']) == 1


def test_browse_counts_an_image_once():
    def samples(names):
        return [SegDataSample(metainfo=dict(img_path=name)) for name in names]

    views = dict(labeled=samples('aab'), weak=samples('cd'), strong=samples('cd'))
    assert count_images(views) == '2 labeled images in 3 crops and 2 unlabeled images'
    assert count_images(dict(labeled=samples('a'))) == '1 labeled image'


def test_how_often(monkeypatch):
    """Eight pictures over a training, whatever its length; the last iteration has one.

    If one of several processes has failed, none draws.
    """
    drawn = []

    class Counting(PictureHook):
        def _draw(self, runner, done):
            drawn.append(done)

    hook = Counting()
    for iteration in range(100):
        runner = type('Runner', (), dict(iter=iteration, max_iters=100))()
        hook.after_train_iter(runner, iteration)
    assert drawn == [13, 26, 39, 52, 65, 78, 91, 100]
    monkeypatch.setattr(picture_hook, 'all_gather_object', lambda failed: [failed, True])
    hook.after_train_iter(runner, 99)
    assert drawn[-2:] == [91, 100]
    with pytest.raises(UserError, match='at least 1'):
        PictureHook(labeled=0)
