"""The files of tools/test.py --out: named as label stages name theirs, and none twice."""

import json
import shutil

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from PIL import Image
from torch.utils.data import Dataset

from semiseg_mm.apis import run_test
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.registry import DATASETS
from semiseg_mm.testing import toy_config

CLASSES = tuple('abcdefg')
FOLDERS = dict(img_path='img', seg_map_path='ann')
LOAD, PACK = dict(type='LoadImageFromFile'), dict(type='PackSegInputs')


@DATASETS.register_module()
class UnknownFolders(Dataset):
    """Knows neither its image folder nor, beforehand, its images."""

    def __init__(self, paths, root):
        self.paths, self.root = paths, root
        self.metainfo = dict(classes=CLASSES)
        self.pipeline = Compose([LOAD, dict(type='LoadAnnotations'), PACK])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, k):
        files = dict(
            img_path=f'{self.root}/img/{self.paths[k]}.jpg',
            seg_map_path=f'{self.root}/ann/{self.paths[k]}.png',
        )
        return self.pipeline(
            dict(files, label_map=None, reduce_zero_label=False, seg_fields=[], sample_idx=k)
        )


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A config with a test set, and a checkpoint whose network predicts several classes."""
    from mmengine.registry import init_default_scope

    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('out')
    varied = dict(type='Normal', std=1.0, override=dict(name='conv_seg'))
    extra = {'model.segmentor.decode_head.init_cfg': varied}
    cfg = toy_config(folder / 'run', dict(type='SupOnly'), max_iters=1, **extra)
    build_runner(cfg).train()
    cfg.test_cfg = dict(type='NetworksTestLoop')
    return cfg, str(folder / 'run/iter_1.pth')


@pytest.fixture
def images(tmp_path):
    """camA/1.jpg, camB/1.jpg and 2.jpg, with masks; they differ."""
    rng = np.random.default_rng(0)
    for name in ('camA/1', 'camB/1', '2'):
        image, mask = rng.integers(0, 256, (24, 24, 3)), rng.integers(1, 7, (24, 24))
        for folder, array, suffix in (('img', image, '.jpg'), ('ann', mask, '.png')):
            path = tmp_path / 'data' / folder / (name + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), array.astype(np.uint8))
    return tmp_path / 'data'


@pytest.fixture
def predict(trained, tmp_path, capfd):
    """Run tools/test.py --out on a dataset; returns its exit code, the files and the error."""
    cfg, checkpoint = trained

    def run(dataset, evaluator=None):
        own = Config(cfg.to_dict())
        own.work_dir = str(tmp_path / 'work')
        own.test_dataloader = dict(
            batch_size=1, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dataset
        )
        own.test_evaluator = evaluator or own.val_evaluator
        own.dump(tmp_path / 'config.py')
        out = tmp_path / 'png'
        shutil.rmtree(out, ignore_errors=True)
        code = run_test([str(tmp_path / 'config.py'), checkpoint, '--out', str(out)])
        files = {str(p.relative_to(out)): p for p in out.rglob('*') if p.is_file()}
        return code, files, capfd.readouterr().err

    return run


def folder_of(root, pipeline=(LOAD, dict(type='LoadAnnotations'), PACK), **more):
    return dict(
        dict(type='BaseSegDataset', data_root=str(root), data_prefix=FOLDERS,
             metainfo=dict(classes=CLASSES), pipeline=list(pipeline)),
        **more,
    )  # fmt: skip


def read(path):
    return np.asarray(Image.open(path))


def test_the_folders_of_the_images_are_kept(predict, images):
    code, files, _ = predict(folder_of(images))
    assert code == 0 and set(files) == {'camA/1.png', 'camB/1.png', '2.png'}
    one, other = (read(files[f'cam{x}/1.png']) for x in 'AB')
    assert one.shape == (24, 24) and one.dtype == np.uint8
    assert (one != other).any() and len(np.unique(one)) > 1


def test_they_have_the_colours_of_the_dataset(predict, images):
    palette = [[10 * k, 20, 30] for k in range(len(CLASSES))]
    about = dict(metainfo=dict(classes=CLASSES, palette=palette))
    for reduced, first in ((False, palette[0]), (True, [0, 0, 0])):
        _, files, _ = predict(folder_of(images, reduce_zero_label=reduced, **about))
        with Image.open(files['2.png']) as image:
            assert image.mode == 'P' and image.getpalette()[:3] == first
            assert image.getpalette()[3 * reduced :][: 3 * len(CLASSES)] == [
                value for colour in palette for value in colour
            ]


def test_classes_count_from_one_where_the_masks_do(predict, images):
    """As mmseg's IoUMetric writes them."""
    _, files, _ = predict(folder_of(images))
    plain = {name: read(path) for name, path in files.items()}
    code, files, _ = predict(folder_of(images, reduce_zero_label=True))
    assert code == 0
    assert all((read(path) == plain[name] + 1).all() for name, path in files.items())


def test_a_list_of_metrics(predict, images, tmp_path):
    """All are computed; a folder that a metric has for itself stays out of it."""
    nowhere = tmp_path / 'nowhere'
    metric = dict(type='IoUMetric', iou_metrics=['mDice'], prefix='own', output_dir=str(nowhere))
    code, files, _ = predict(folder_of(images), [dict(type='ConfusionMetric'), metric])
    assert code == 0 and set(files) == {'camA/1.png', 'camB/1.png', '2.png'}
    (file,) = (tmp_path / 'work').glob('*/*.json')
    found = json.loads(file.read_text(encoding='utf-8'))
    assert 0 <= found['student/mIoU'] < found['student/own/mDice'] and not nowhere.exists()


def test_a_test_set_without_masks(predict, images, tmp_path):
    where = tmp_path / 'formatted'
    own, mmsegs = (
        dict(type=kind, format_only=True, output_dir=str(where))
        for kind in ('ConfusionMetric', 'IoUMetric')
    )
    dataset = folder_of(images, (LOAD, PACK), data_prefix=dict(img_path='img'), test_mode=True)
    for evaluator in (own, [mmsegs]):
        code, files, error = predict(dataset, evaluator)
        assert code == 0, error
        assert set(files) == {'camA/1.png', 'camB/1.png', '2.png'} and not where.exists()


def test_two_image_folders_in_one_test_set(predict, images):
    parts = [folder_of(images, data_prefix={k: f'{v}/cam{x}' for k, v in FOLDERS.items()})
             for x in 'AB']  # fmt: skip
    code, files, error = predict(dict(type='ConcatDataset', datasets=parts))
    assert code == 1 and not files
    assert f'camA/1.jpg and {images}/img/camB/1.jpg would share the file' in error
    assert 'data_prefix.img_path' in error
    code, files, _ = predict(dict(type='ConcatDataset', datasets=[parts[0], folder_of(images)]))
    assert code == 0 and set(files) == {'1.png', 'camB/1.png', '2.png'}


def test_without_an_image_folder_names_must_differ(predict, images):
    code, files, error = predict(
        dict(type='UnknownFolders', paths=['camA/1', '2'], root=str(images))
    )
    assert code == 0 and set(files) == {'1.png', '2.png'}
    paths = ['camA/1', 'camB/1']
    code, _, error = predict(dict(type='UnknownFolders', paths=paths, root=str(images)))
    assert code == 1 and 'camA/1.jpg and' in error and 'would share the file' in error


def test_two_images_of_one_name_in_a_folder(predict, images):
    (images / 'img/2.png').write_bytes((images / 'img/2.jpg').read_bytes())
    dataset = dict(
        type='UnlabeledDataset', img_path=str(images / 'img'), pipeline=[LOAD, PACK],
        metainfo=dict(classes=CLASSES),
    )  # fmt: skip
    code, files, error = predict(dataset, dict(type='IoUMetric', format_only=True, output_dir='x'))
    assert code == 1 and not files
    assert 'img/2.jpg and' in error or 'img/2.png and' in error
