"""A published network in a process of its own, through both of mmseg's doors to inference."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from processes import forked

from semiseg_mm.apis import publish
from semiseg_mm.apis.plain_config import plain_config
from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS, TRANSFORMS
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.networks import tiny_network

ROOT = Path(__file__).resolve().parents[2]
DOORS = """
import sys, numpy as np
from mmseg.apis import MMSegInferencer, inference_model, init_model
config, weights, image, out, plain = sys.argv[1:]
model = init_model(config, weights, device='cpu')
one = inference_model(model, image).pred_sem_seg.data[0].numpy()
inferencer = MMSegInferencer(model=config, weights=weights, device='cpu')
found = inferencer(image, return_vis=True)
assert found['visualization'].shape[:2] == found['predictions'].shape
np.savez(out, one=one, other=found['predictions'])
assert model.dataset_meta['classes'][1] == 'ball' == inferencer.model.dataset_meta['classes'][1]
loaded = any(name.split('.')[0] == 'semiseg_mm' for name in sys.modules)
assert loaded == (plain == 'False'), loaded
"""
RESNET = dict(
    type='ResNetV1c', depth=18, base_channels=6, stem_channels=6, num_stages=1, out_indices=(0,),
    strides=(1,), dilations=(1,), norm_cfg=dict(type='BN'),
)  # fmt: skip
LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')
LABELS = [dict(type='LoadAnnotations'), dict(type='CheckLabels')]
OWN_HEAD = '''
from mmseg.models import FCNHead
from {registry} import MODELS, TRANSFORMS
from mmcv.transforms import BaseTransform


@MODELS.register_module()
class TheirHead(FCNHead):
    """Sees the classes in another order."""

    def cls_seg(self, feat):
        return super().cls_seg(feat).flip(1)


@TRANSFORMS.register_module()
class Inverted(BaseTransform):
    def transform(self, results):
        results['img'] = 255 - results['img']
        return results
'''


def network(**parts):
    """An EncoderDecoder of mmseg's types whose weights are great: several classes come out."""
    varied = dict(type='Normal', std=1.0, override=dict(name='conv_seg'))
    cfg = toy_config('unused', {}).model.segmentor
    cfg.backbone = RESNET
    cfg.decode_head.init_cfg = varied
    for name, values in parts.items():
        cfg[name].update(values)
    return cfg


def run_of(segmentor, pipeline, folder, **model):
    """A config in a file and a checkpoint, as a training leaves them."""
    own = dict(type='SupOnly', num_classes=len(CLASSES), **model)
    cfg = toy_config('unused', own)
    cfg.model.segmentor = segmentor
    cfg.test_dataloader = dict(dataset=dict(type='BaseSegDataset', pipeline=pipeline))
    torch.manual_seed(0)
    built = MODELS.build(cfg.model)
    built.init_weights()
    for parameter in built.parameters():  # what is initialised to nought shall count, too
        torch.nn.init.normal_(parameter, std=0.3) if parameter.ndim > 1 else None
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=[[k, 0, 0] for k in range(7)]))
    folder.mkdir(exist_ok=True)
    torch.save(
        dict(state_dict=built.state_dict(), meta=dict(meta, iter=1, seed=0)), folder / 'iter_1.pth'
    )
    cfg.dump(folder / 'config.py')
    return cfg


def image_in(folder, color=True):
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (5, 7, 3)).astype(np.uint8), (56, 42))
    cv2.imwrite(str(folder / 'image.png'), image if color else image[..., 0])
    return str(folder / 'image.png')


def as_measured(cfg, folder, image):
    """What our own test gives: the test pipeline, without its labels, and the method's network."""
    results = dict(img_path=image)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step['type'] not in ('LoadAnnotations', 'CheckLabels'):
            results = TRANSFORMS.build(step)(results)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(safe_load(folder / 'iter_1.pth')['state_dict'])
    with torch.no_grad():
        (sample,) = model.test_step(pseudo_collate([results]))
    label = sample.pred_sem_seg.data[0].numpy()
    assert len(np.unique(label)) > 1
    return label


def loaded_elsewhere(out, config, image, folder, plain, path=str(ROOT)):
    file = folder / 'found.npz'
    arguments = [config, out, image, str(file), str(plain)]
    env = {**os.environ, 'PYTHONPATH': path}
    done = forked(['-c', DOORS, *arguments], cwd=folder, env=env, plain=True)
    assert done.returncode == 0, done.stderr
    found = np.load(file)
    return found['one'], found['other']


def published(folder):
    config, weights = str(folder / 'config.py'), str(folder / 'iter_1.pth')
    return publish(config, weights, str(folder / 'pub'))


PIPELINES = {
    'halved': [LOAD, dict(type='Resize', scale_factor=0.5), *LABELS, PACK],
    'fitted': [LOAD, dict(type='Resize', scale=(30, 30), keep_ratio=True), LABELS[0], PACK],
    'ours': [dict(type='LoadImage', backend_args=dict(backend='none')), LABELS[0], PACK],
}


@pytest.mark.parametrize('name', PIPELINES)
def test_images_are_seen_as_they_were_measured(name, tmp_path):
    """In a process that never imports this package; nothing but the pipeline is special."""
    cfg = run_of(network(), PIPELINES[name], tmp_path)
    out, config = published(tmp_path)
    image = image_in(tmp_path)
    cfg.test_dataloader.dataset.pipeline[0].pop('backend_args', None)
    expected = as_measured(cfg, tmp_path, image)
    for found in loaded_elsewhere(out, config, image, tmp_path, plain=True):
        assert (found == expected).all()
    cfg.test_dataloader.dataset.pipeline = [LOAD, PACK]
    assert (as_measured(cfg, tmp_path, image) != expected).any() or name == 'ours'


def test_images_of_one_channel(tmp_path):
    loader = dict(LOAD, color_type='unchanged')
    gray = dict(type='SegDataPreProcessor', mean=[127.5], std=[127.5], size=(64, 64))
    cfg = network(backbone=dict(in_channels=1))
    cfg.data_preprocessor = gray
    cfg = run_of(cfg, [loader, *LABELS, PACK], tmp_path)
    out, config = published(tmp_path)
    image = image_in(tmp_path, color=False)
    expected = as_measured(cfg, tmp_path, image)
    for found in loaded_elsewhere(out, config, image, tmp_path, plain=True):
        assert (found == expected).all()


@pytest.mark.parametrize(
    'file', ['dpt_dinov2-s', 'deeplabv2_r101-d8', 'deeplabv3plus_efficientnet-lite0-d16']
)
def test_networks_with_types_of_ours(file, tmp_path, capfd):
    """They load where this package is installed, which the config imports and the tool says."""
    segmentor = Config(tiny_network(ROOT / f'configs/_base_/models/{file}.py'))
    cfg = run_of(segmentor._cfg_dict, [LOAD, LABELS[0], PACK], tmp_path)
    cfg.model.test_cfg = dict(mode='whole')
    cfg.dump(tmp_path / 'config.py')
    out, config = published(tmp_path)
    assert 'it loads where semiseg_mm.models can be imported' in capfd.readouterr().err
    assert Config.fromfile(config).custom_imports.imports == ['semiseg_mm.models']
    image = image_in(tmp_path)
    expected = as_measured(cfg, tmp_path, image)
    for found in loaded_elsewhere(out, config, image, tmp_path, plain=False):
        assert (found == expected).all()


@pytest.mark.parametrize('registry', ['mmseg.registry', 'semiseg_mm.registry'])
def test_types_of_a_users_own(registry, tmp_path, capfd):
    """Registered with mmseg, or here; ours is imported only in the second case."""
    module = f'theirs_of_{registry.split(".")[0]}'
    (tmp_path / f'{module}.py').write_text(OWN_HEAD.format(registry=registry))
    (tmp_path / 'method_of_theirs.py').write_text('')
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np
from pathlib import Path
from mmengine.registry import init_default_scope
from test_publish_loading import *
import semiseg_mm.engine, {module}
init_default_scope('semiseg_mm')
folder = Path({str(tmp_path)!r})
own = network(decode_head=dict(type='TheirHead'))
cfg = run_of(own, [LOAD, dict(type='Inverted'), *LABELS, PACK], folder)
cfg.custom_imports = dict(imports=['method_of_theirs', {module!r}], allow_failed_imports=False)
cfg.dump(folder / 'config.py')
published(folder)
np.save(folder / 'expected.npy', as_measured(cfg, folder, image_in(folder)))
"""
    done = forked(['-c', code], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert f'it loads where {module} can be imported' in done.stderr
    paths = (str(tmp_path / 'pub.pth'), str(tmp_path / 'pub.py'), str(tmp_path / 'image.png'))
    expected = np.load(tmp_path / 'expected.npy')
    plain = registry.startswith('mmseg')
    for found in loaded_elsewhere(*paths, tmp_path, plain, f'{ROOT}{os.pathsep}{tmp_path}'):
        assert (found == expected).all()


# ------------------------------------------------------------------ the config alone


def leaf_of(name):
    return Config.fromfile(next(ROOT.glob(f'configs/*/{name}')))


@pytest.mark.parametrize(
    ('leaf', 'resize'),
    [
        ('cutmix-seg_*_cityscapes-unimatch-1_8-256x512.py', dict(scale_factor=0.5)),
        ('unimatch_*_camvid-mine-1_30-96x128.py', dict(scale=(192, 144), keep_ratio=True)),
        ('*_mapillary-*.py', dict(scale=(2048, 1024), keep_ratio=True)),
    ],
)
def test_leaves_that_resize(leaf, resize):
    cfg = leaf_of(leaf)
    cfg.model.segmentor = network()  # old mmseg has no class weights, which some leaves have
    plain = plain_config(cfg, 'student')
    assert plain.test_pipeline == [LOAD, dict(type='Resize', **resize), PACK]
    assert plain.test_dataloader.dataset.pipeline == plain.test_pipeline


def test_leaves_that_do_not_resize():
    voc = 'cps_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
    plain = plain_config(leaf_of(voc), 'student')
    assert plain.test_pipeline == [LOAD, PACK] and 'custom_imports' not in plain
    plain = plain_config(leaf_of('cps_unet-s2_1xb8+8-1k_shapes-30-64x64.py'), 'student')
    assert plain.test_pipeline == [LOAD, PACK]  # drawn scenes, saved as files


def with_pipeline(pipeline, **more):
    cfg = toy_config('unused', dict(type='SupOnly'))
    cfg.test_dataloader = dict(dataset=dict(pipeline=pipeline), **more)
    return cfg


def test_without_a_test_set_the_validation_counts():
    cfg = with_pipeline([])
    cfg.test_dataloader = None
    gray = dict(LOAD, color_type='grayscale')
    cfg.val_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=dict(pipeline=[gray, LABELS[0], PACK])
    )
    assert plain_config(cfg, 'student').test_pipeline == [gray, PACK]


def test_wrapped_transforms_are_seen():
    inner = [dict(type='mmcv.Resize', scale=(8, 8)), LABELS[0]]
    cfg = with_pipeline([LOAD, dict(type='RandomApply', prob=1.0, transforms=inner), PACK])
    (_, wrapper, _) = plain_config(cfg, 'student').test_pipeline
    assert wrapper.transforms == [dict(type='Resize', scale=(8, 8))]


@pytest.mark.parametrize('step', [dict(type='ScaleCrop', crop_size=8), dict(type='CutOut')])
def test_transforms_that_mmseg_lacks_are_refused(step):
    wrapped = dict(type='RandomApply', transforms=[step])
    for one in (step, wrapped):
        with pytest.raises(UserError, match=f'{step["type"]}, which mmseg alone does not have'):
            plain_config(with_pipeline([LOAD, one, PACK]), 'student')


def test_nothing_is_written_where_it_is_refused(tmp_path):
    run_of(network(), [LOAD, dict(type='CutOut'), PACK], tmp_path)
    with pytest.raises(UserError):
        published(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['config.py', 'iter_1.pth']
