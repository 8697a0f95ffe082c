"""What happens to files that are no images."""

import os

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS
from torch.utils.data import DataLoader

from semiseg_mm.datasets import SemiDataset
from semiseg_mm.datasets.transforms import LoadAnnotations, LoadConfidence, LoadImage
from semiseg_mm.datasets.transforms.image_bytes import size_of
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.structures import SampleRequest


def image_bytes(suffix: str) -> bytes:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


DEFECTS = {
    'empty.jpg': (b'', 'empty'),
    'page.jpg': (b'\n<!DOCTYPE html><html>404</html>', 'HTML'),
    'cut.jpg': (image_bytes('.jpg')[:-200], 'cut off'),
    'cut.png': (image_bytes('.png')[:-200], 'cut off'),
    'noise.jpg': (bytes(range(1, 200)), 'does not decode'),
}


@pytest.mark.parametrize('name', DEFECTS)
def test_each_defect_is_named_with_its_file(name, tmp_path):
    content, reason = DEFECTS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenImage, match=reason) as caught:
        LoadImage()(dict(img_path=str(tmp_path / name)))
    assert name in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BrokenImage, match=r'gone\.jpg'):
        LoadImage()(dict(img_path=str(tmp_path / 'gone.jpg')))


@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='a system without pipes')
def test_what_is_no_file_is_not_read(tmp_path):
    """Nobody writes into the pipe; /dev/zero never ends."""
    os.mkfifo(tmp_path / 'pipe.jpg')
    (tmp_path / 'zero.jpg').symlink_to('/dev/zero')
    (tmp_path / 'whole.jpg').write_bytes(image_bytes('.jpg'))
    (tmp_path / 'link.jpg').symlink_to(tmp_path / 'whole.jpg')
    for name in ('pipe.jpg', 'zero.jpg'):
        with pytest.raises(BrokenImage, match=rf'{name} .* a pipe, a socket or a device'):
            LoadImage()(dict(img_path=str(tmp_path / name)))
        mask = dict(seg_map_path=str(tmp_path / name), reduce_zero_label=False, seg_fields=[])
        with pytest.raises(UserError, match=rf'The mask .*{name} .* a pipe'):
            LoadAnnotations()(mask)
        with pytest.raises(UserError, match=rf'The confidences .*{name} .* a pipe'):
            LoadConfidence()(dict(confidence_path=str(tmp_path / name)))
    assert LoadImage()(dict(img_path=str(tmp_path / 'link.jpg')))['img'].shape == (40, 40, 3)


def claims(suffix: str, height: int, width: int) -> bytes:
    """An image whose header says another size than its content has."""
    content = bytearray(image_bytes(suffix))
    if suffix == '.png':
        content[16:24] = width.to_bytes(4, 'big') + height.to_bytes(4, 'big')
    else:
        frame = content.index(b'\xff\xc0')
        content[frame + 5 : frame + 9] = height.to_bytes(2, 'big') + width.to_bytes(2, 'big')
    return bytes(content)


def test_what_has_too_many_pixels_is_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr('mmcv.imfrombytes', lambda *_, **__: pytest.fail('it is decoded'))
    for name in ('a.png', 'a.jpg'):
        path = tmp_path / name
        path.write_bytes(claims(path.suffix, 20000, 30000))
        info = dict(img_path=str(path), seg_map_path=str(path), reduce_zero_label=False)
        info.update(confidence_path=str(path), drawn_scale=0.1)
        with pytest.raises(BrokenImage, match=rf'{name} .* 30000 x 20000 pixels, .* max_pixels'):
            LoadImage()(dict(info))
        with pytest.raises(UserError, match=rf'The mask .*{name} .* 30000 x 20000 pixels'):
            LoadAnnotations()(dict(info))
        with pytest.raises(UserError, match=rf'confidences .*{name} .* 30000 x 20000 pixels'):
            LoadConfidence()(dict(info))
        info.update(gt_seg_map=np.zeros((40, 40), np.uint8))
        with pytest.raises(UserError, match=rf'{name} are 20000x30000 but .* is 40x40'):
            LoadConfidence()(dict(info))


def test_the_limit_of_pixels_can_be_set(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(image_bytes('.png'))
    assert LoadImage(max_pixels=1600)(dict(img_path=str(path)))['img'].shape == (40, 40, 3)
    with pytest.raises(BrokenImage, match='40 x 40 pixels, more than max_pixels=1599'):
        LoadImage(max_pixels=1599)(dict(img_path=str(path)))


@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
def test_large_images_load_where_pillow_refuses_them(tmp_path):
    path = tmp_path / 'a.jpg'
    path.write_bytes(claims('.jpg', 15000, 15000))
    results = LoadImage()(dict(img_path=str(path), drawn_scale=0.125))
    assert results['img'].shape == (1875, 1875, 3)
    assert results['reduced'] == ((1875, 1875), (15000, 15000))
    with pytest.raises(BrokenImage, match='too large'):
        LoadImage(imdecode_backend='pillow')(dict(img_path=str(path)))


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.tif', '.webp', '.ppm'])
def test_the_size_is_read_from_the_header(suffix):
    image = np.zeros((30, 50, 3), np.uint8)
    content = cv2.imencode(suffix, image)[1].tobytes()
    assert size_of(content) == (30, 50)
    assert size_of(content[:6]) in (None, (0, 0)) and size_of(b'') is None


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp'])
def test_whole_images_load_as_mmcv_loads_them(suffix, tmp_path):
    path = tmp_path / f'whole{suffix}'
    path.write_bytes(image_bytes(suffix) + b'some camera adds this')
    expected = cv2.imread(str(path))
    assert np.array_equal(LoadImage()(dict(img_path=str(path)))['img'], expected)


@pytest.fixture
def dataset(folder_cfg, folder):
    """3 labeled, 4 unlabeled images (b0 … b3), of which b1 is cut off."""
    path = folder / 'images/b1.jpg'
    path.write_bytes(path.read_bytes()[:-100])
    for source in ('labeled', 'unlabeled'):
        folder_cfg[source]['pipeline'][0] = dict(type='LoadImage')
    dataset = SemiDataset(**{k: v for k, v in folder_cfg.items() if k != 'type'}, max_broken=0.3)
    dataset.broken.report = str(folder / 'broken_images.txt')
    return dataset


def path_of(sample: dict) -> str:
    return os.path.basename(sample['weak']['data_samples'].img_path)


def test_the_next_image_takes_its_place_under_the_same_seed(dataset):
    broken = dataset[SampleRequest(4, serial=9, seed=5)]
    following = dataset[SampleRequest(5, serial=0, seed=5)]
    assert path_of(broken) == 'b2.jpg'
    for view in ('weak', 'strong'):
        assert torch.equal(broken[view]['inputs'], following[view]['inputs'])


def test_the_last_image_is_replaced_by_the_first_unlabeled_one(dataset, folder):
    (folder / 'images/b3.jpg').write_bytes(b'')
    dataset.broken.max_share = 0.5
    assert path_of(dataset[SampleRequest(6, 0)]) == 'b0.jpg'


def test_it_is_listed_once_whoever_meets_it(dataset, folder):
    """Two passes with two workers each."""
    for _ in range(2):
        requests = [SampleRequest(index, index) for index in (4, 3, 4, 5)]
        collate = FUNCTIONS.get('collate_views')
        loader = DataLoader(dataset, 1, sampler=requests, num_workers=2, collate_fn=collate)
        assert len(list(loader)) == 4
    lines = (folder / 'broken_images.txt').read_text().splitlines()
    assert {line.split('\t')[0] for line in lines} == {str(folder / 'images/b1.jpg')}
    assert 1 <= len(lines) <= 2  # two workers may meet it in the same moment
    dataset[SampleRequest(4, 0)]
    assert (folder / 'broken_images.txt').read_text().splitlines() == lines


def test_too_many_stop_the_run_and_say_where_they_are_listed(dataset, folder):
    """2 of 4 are more than the share of 0.3."""
    (folder / 'images/b2.jpg').write_bytes(b'<html>')
    with pytest.raises(UserError, match=r'2 of 4 .*broken_images\.txt.*max_broken \(now 0\.3\)'):
        dataset[SampleRequest(4, 0)]


@pytest.mark.parametrize('first, place', [(3, 'splits/3/unlabeled.txt'), (5, 'images')])
def test_a_source_without_one_readable_image_stops_the_run(dataset, folder, first, place):
    """Whatever share may be broken: there is nothing to replace an image with."""
    dataset.broken.max_share = 1.0
    if place == 'images':
        dataset.unlabeled.ann_file = ''
    for number in range(4):
        (folder / f'images/b{number}.jpg').write_bytes(b'<html>')
    last = f'b{(first - 4) % 4}.jpg'
    says = f'None of the 4 .* of {folder}/{place} can.*{last}, .*in {folder}/broken_images.txt'
    with pytest.raises(UserError, match=says):
        dataset[SampleRequest(first, 0)]
    assert len((folder / 'broken_images.txt').read_text().splitlines()) == 4
    (folder / 'images/b2.jpg').write_bytes(image_bytes('.jpg'))
    assert path_of(dataset[SampleRequest(first, 0)]) == 'b2.jpg'


def test_a_broken_labeled_image_is_never_replaced(dataset, folder):
    (folder / 'images/a1.jpg').write_bytes(b'')
    with pytest.raises(BrokenImage, match=r'a1\.jpg cannot be used: it is empty'):
        dataset[SampleRequest(1, 0)]


def test_the_error_survives_the_way_from_a_worker(dataset, folder):
    (folder / 'images/a1.jpg').write_bytes(b'')
    loader = DataLoader(
        dataset, 1, sampler=[SampleRequest(1, 0)], num_workers=1,
        collate_fn=FUNCTIONS.get('collate_views'),
    )  # fmt: skip
    with pytest.raises(BrokenImage, match=r'a1\.jpg cannot be used: it is empty'):
        next(iter(loader))
