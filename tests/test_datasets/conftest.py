import cv2
import numpy as np
import pytest

CLASSES = ('sky', 'road', 'car')
LABELED, UNLABELED = ('a0', 'a1', 'a2'), ('b0', 'b1', 'b2', 'b3')


@pytest.fixture
def folder(tmp_path):
    """A miniature of VOC: images, masks of all of them, and a split."""
    rng = np.random.default_rng(0)
    for name in ('images', 'masks', 'splits/3'):
        (tmp_path / name).mkdir(parents=True)
    for name in LABELED + UNLABELED:
        image = rng.integers(0, 256, (20, 26, 3), np.uint8)
        mask = rng.integers(0, len(CLASSES), (20, 26), np.uint8)
        cv2.imwrite(str(tmp_path / f'images/{name}.jpg'), image)
        cv2.imwrite(str(tmp_path / f'masks/{name}.png'), mask)
    (tmp_path / 'splits/3/labeled.txt').write_text('\n'.join(LABELED))
    (tmp_path / 'splits/3/unlabeled.txt').write_text('\n'.join(UNLABELED))
    return tmp_path


@pytest.fixture
def folder_cfg(folder):
    """SemiDataset config over that folder, with random geometry and colour."""
    crop = dict(type='ScaleCrop', crop_size=(16, 16))
    load = dict(type='LoadImageFromFile')
    labeled = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=CLASSES),
        pipeline=[
            load,
            dict(type='LoadAnnotations'),
            dict(type='CheckLabels'),
            crop,
            dict(type='PackSemiInputs'),
        ],
    )
    views = dict(weak=[], strong=[dict(type='StrongView')])
    unlabeled = dict(
        type='UnlabeledDataset',
        data_root=str(folder),
        img_path='images',
        pipeline=[load, crop, dict(type='MultiView', views=views), dict(type='PackSemiInputs')],
    )
    return dict(labeled=labeled, unlabeled=unlabeled, split='splits/3')
