"""Base configs of Mapillary, BDD100K, ADE20K and COCO, on miniatures laid out as downloaded."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.structures import SampleRequest

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
HEIGHT, WIDTH = 6, 8


class Layout(NamedTuple):
    config: str
    images: tuple[str, str]  # train, val
    masks: tuple[str, str]
    ids: tuple[str, ...]  # of two labeled images and an unlabeled one, then one of val
    stored: tuple[int, int, int]  # values in a mask: the first class, the last one, no class


LAYOUTS = [
    Layout(
        'mapillary', ('training/images', 'validation/images'),
        ('training/v1.2/labels', 'validation/v1.2/labels'),
        ('__CRyFzoDOXn6unQ6a3DnQ', '--BqzCBjCTj5EFgZ8Aq5OQ', '0035fkbjWljhaftpVM37-g', 'zzDg'),
        (0, 64, 65),
    ),
    Layout(
        'mapillary_v2', ('training/images', 'validation/images'),
        ('training/v2.0/labels', 'validation/v2.0/labels'),
        ('__CRyFzoDOXn6unQ6a3DnQ', '--BqzCBjCTj5EFgZ8Aq5OQ', '0035fkbjWljhaftpVM37-g', 'zzDg'),
        (0, 122, 123),
    ),
    Layout(
        'bdd100k', ('images/10k/train', 'images/10k/val'),
        ('labels/sem_seg/masks/train', 'labels/sem_seg/masks/val'),
        ('0004a4c0-d4dff0ad', '00054602-3bf57337', '00067cfb-e535423e', '7d2f7975-e0c1c5a7'),
        (0, 18, 255),
    ),
    Layout(
        'ade20k', ('images/training', 'images/validation'),
        ('annotations/training', 'annotations/validation'),
        ('ADE_train_00000001', 'ADE_train_00000002', 'ADE_train_00000003', 'ADE_val_00000001'),
        (1, 150, 0),
    ),
    Layout(
        'coco', ('train2017', 'val2017'), ('masks', 'masks'),
        ('000000000009', '000000000025', '000000000030', '000000000139'),
        (0, 80, 255),
    ),
]  # fmt: skip


def draw_mask(layout: Layout) -> np.ndarray:
    first, last, ignored = layout.stored
    mask = np.full((HEIGHT, WIDTH), first, np.uint8)
    mask[1:3, 2:5] = last
    mask[4:, 6:] = ignored
    return mask


def expected(classes: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.int64)
    mask[1:3, 2:5] = classes - 1
    mask[4:, 6:] = 255
    return mask


@pytest.fixture(params=LAYOUTS, ids=[layout.config for layout in LAYOUTS])
def layout(request):
    return request.param


@pytest.fixture
def root(layout, tmp_path):
    for which, name in zip((0, 0, 0, 1), layout.ids):
        image = tmp_path / layout.images[which] / f'{name}.jpg'
        mask = tmp_path / layout.masks[which] / f'{name}.png'
        for file in (image, mask):
            file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(image), np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        if name == layout.ids[2]:
            mask.write_bytes(b'the mask of an unlabeled image stays closed')
            continue
        stored = Image.fromarray(draw_mask(layout))
        if layout.config.startswith(('mapillary', 'coco')):  # these have colours
            stored.putpalette(list(range(256)) * 3)
        stored.save(mask)
    split = tmp_path / 'splits/mine/2'
    split.mkdir(parents=True)
    (split / 'labeled.txt').write_text('\n'.join(layout.ids[:2]) + '\n')
    (split / 'unlabeled.txt').write_text(layout.ids[2] + '\n')
    return tmp_path


@pytest.fixture
def cfg(layout, root):
    """The base config with its data_root, and without chance in its pipelines."""
    cfg = Config.fromfile(BASES / f'{layout.config}.py')
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader
    train.update(split='splits/mine/2', crop_size=(HEIGHT, WIDTH))
    val.update(num_workers=0, persistent_workers=False)
    for source in (train.labeled, train.unlabeled, val.dataset):
        source.data_root = str(root)
        for transform in source.pipeline:
            if transform.type == 'ScaleCrop':
                transform.update(flip=0.0)
            elif transform.type == 'DrawScale':
                transform.update(scale=[1.0])
            if transform.type == 'Resize':
                transform.scale = (WIDTH, HEIGHT)
    return cfg


def build(cfg) -> SemiDataset:
    return SemiDataset(**{k: v for k, v in cfg.train_dataloader.dataset.items() if k != 'type'})


def test_labeled_ids_are_the_classes(cfg):
    dataset = build(cfg)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (2, 1)
    assert len(dataset.metainfo['classes']) == cfg.num_classes
    assert len(dataset.metainfo['palette']) == cfg.num_classes
    dataset.check_labels()
    for index in range(2):
        sample = dataset[SampleRequest(index, serial=index)]['labeled']['data_samples']
        assert np.array_equal(sample.gt_sem_seg.data[0].numpy(), expected(cfg.num_classes))


def test_unlabeled_images_come_without_masks(cfg, layout):
    dataset = build(cfg)
    sample = dataset[SampleRequest(2, serial=0)]['weak']
    assert Path(sample['data_samples'].img_path).stem == layout.ids[2]
    assert sample['inputs'].shape == (3, HEIGHT, WIDTH)
    assert 'gt_sem_seg' not in sample['data_samples']


def test_validation_has_the_same_ids(cfg, layout):
    (batch,) = list(Runner.build_dataloader(cfg.val_dataloader, seed=0))
    (sample,) = batch['data_samples']
    assert Path(sample.img_path).stem == layout.ids[3]
    found = sample.gt_sem_seg.data[0]
    assert torch.equal(found.long(), torch.from_numpy(expected(cfg.num_classes)))


def test_without_a_split_all_of_the_folder_is_labeled(cfg, layout):
    cfg.train_dataloader.dataset.split = None
    dataset = build(cfg)
    assert (dataset.num_labeled, dataset.num_unlabeled) == (3, 3)


@pytest.mark.parametrize('layout', LAYOUTS[:2], indirect=True, ids=['v1.2', 'v2.0'])
def test_mapillary_resizes_masks_with_the_images(layout, cfg):
    dataset = cfg.train_dataloader.dataset
    for transform in dataset.labeled.pipeline:
        if transform.type == 'Resize':
            transform.scale = (2 * WIDTH, 2 * HEIGHT)
    dataset.crop_size = (2 * HEIGHT, 2 * WIDTH)
    sample = build(cfg)[SampleRequest(0, serial=0)]['labeled']['data_samples']
    doubled = expected(cfg.num_classes).repeat(2, 0).repeat(2, 1)
    assert np.array_equal(sample.gt_sem_seg.data[0].numpy(), doubled)


@pytest.mark.parametrize('layout', LAYOUTS[:1], indirect=True, ids=['v1.2'])
def test_classes_of_mapillary_may_be_fewer_still(layout, cfg):
    """A shorter metainfo.classes and the ignored 'Unlabeled' work together."""
    cfg.train_dataloader.dataset.labeled.metainfo = dict(classes=('Bird',))
    dataset = build(cfg)
    sample = dataset[SampleRequest(0, serial=0)]['labeled']['data_samples']
    found = sample.gt_sem_seg.data[0].numpy()
    assert np.array_equal(found, np.where(expected(65) == 0, 0, 255))
    assert dataset.metainfo['palette'] == [[165, 42, 42]]
