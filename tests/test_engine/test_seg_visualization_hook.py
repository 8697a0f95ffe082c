"""mmseg's pictures of predictions on images that are no files."""

from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from semiseg_mm.datasets.shapes import render
from semiseg_mm.engine.hooks.seg_visualization_hook import _picture
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.testing import toy_config


def test_scenes_without_files_are_drawn(tmp_path):
    drawn = dict(type='SegVisualizationHook', draw=True, interval=1)
    cfg = toy_config(
        tmp_path, dict(type='SupOnly'), 3, custom_hooks=[drawn],
        visualizer=dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]),
    )  # fmt: skip
    runner = build_runner(cfg)
    runner.train()
    (first, second) = sorted(tmp_path.glob('*/vis_data/vis_image/*.png'))
    assert [first.name, second.name] == ['val_000000_3.png', 'val_000002_4.png']
    assert Image.open(first).size == (2 * 24, 24)  # truth and prediction, side by side

    hook = next(hook for hook in runner.hooks if hasattr(hook, '_test_index'))
    shown = []
    hook._visualizer = SimpleNamespace(add_datasample=lambda name, *_, **__: shown.append(name))
    samples = [SimpleNamespace(img_path=f'a/{k}', ori_shape=(24, 24)) for k in 'xy']
    images = dict(inputs=[torch.zeros(3, 24, 24, dtype=torch.uint8)] * 2)
    hook.after_test_iter(runner, 0, images, samples)
    assert shown == ['test_x', 'test_y']


def test_an_image_is_shown_in_its_colours_and_size():
    scene, _ = render(3, (24, 24))
    loaded = torch.from_numpy(scene).permute(2, 0, 1)
    assert (_picture(loaded, (24, 24)) == scene[:, :, ::-1]).all()
    assert _picture(loaded, (48, 12)).shape == (48, 12, 3)
    assert np.ptp(_picture(loaded[:1], (24, 24)), axis=2).max() == 0  # one channel: grey
