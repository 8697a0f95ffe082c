import json
import pickle

import cv2
import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.registry import init_default_scope

from semiseg_mm.datasets import build_index, centroids, mask_reading, tile_centroids
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

CLASSES = ('sky', 'road', 'car')


def mask(height=20, width=30, **areas):
    """Class 0 everywhere, and the given classes in their slices: c1=np.s_[2:5, 3:6]."""
    array = np.zeros((height, width), np.uint8)
    for name, area in areas.items():
        array[area] = int(name[1:])
    return array


# ------------------------------------------------------------------ one mask


@pytest.mark.parametrize('anchor', ['centroid', 'pixel'])
def test_blobs_are_found_at_their_middle(anchor):
    array = mask(c1=np.s_[2:5, 3:8], c2=np.s_[10:17, 20:29])
    found = tile_centroids(array, 3, tile=None, min_area=1, anchor=anchor)
    assert found[1:] == [(1, 3, 5), (2, 13, 24)]
    assert [label for label, *_ in found] == [0, 1, 2]


def test_two_parts_have_their_centre_of_mass_between_them():
    array = mask(c1=np.s_[5:8, 2:5])
    array[5:8, 20:23] = 1
    assert tile_centroids(array, 3, None, 1, 'centroid')[1] == (1, 6, 12)
    assert array[6, 12] == 0  # off the class
    assert tile_centroids(array, 3, None, 1, 'pixel')[1] == (1, 6, 4)  # the first of two


def test_pixel_of_a_concave_class_is_on_it():
    array = mask(40, 40, c1=np.s_[5:35, 5:35])
    array[8:35, 8:35] = 0  # an L is left
    (_, y, x) = tile_centroids(array, 3, None, 1, 'centroid')[1]
    assert array[y, x] == 0
    (_, y, x) = tile_centroids(array, 3, None, 1, 'pixel')[1]
    assert array[y, x] == 1


@pytest.mark.parametrize('shape', [(7, 9), (64, 64), (101, 37), (5, 200)])
@pytest.mark.parametrize('tile', [1, 8, 32, None])
def test_tiles_cover_everything_once(shape, tile):
    counts = np.zeros(shape, int)
    for top, bottom in centroids.tile_bounds(shape[0], tile):
        for left, right in centroids.tile_bounds(shape[1], tile):
            counts[top:bottom, left:right] += 1
            assert tile is None or max(bottom - top, right - left) <= tile
    assert (counts == 1).all()


def test_strips_at_the_border_are_not_left_out():
    """Tiles of 16 from the top left would end at 32 x 48; the class is below and right of that."""
    array = mask(38, 54, c1=np.s_[33:, :], c2=np.s_[:, 49:])
    found = tile_centroids(array, 3, 16, 1)
    assert sum(label == 1 for label, *_ in found) == 4
    assert sum(label == 2 for label, *_ in found) == 3


def test_image_smaller_than_a_tile_has_its_centroids():
    assert len(tile_centroids(mask(c1=np.s_[2:5, 3:8]), 3, tile=1024, min_area=1)) == 2


def test_one_point_per_class_and_tile():
    rng = np.random.default_rng(0)
    array = rng.integers(0, 3, (32, 48), np.uint8)
    found = tile_centroids(array, 3, 16, 1)
    assert len(found) == 6 * 3
    assert len({(label, y // 16, x // 16) for label, y, x in found}) == 18
    assert all(array[y, x] == label for label, y, x in found)


@pytest.mark.parametrize(('min_area', 'labels'), [(0, [0, 1]), (12, [0, 1]), (13, [0])])
def test_small_areas_are_left_out(min_area, labels):
    found = tile_centroids(mask(c1=np.s_[2:5, 3:7]), 3, None, min_area)  # 12 pixels
    assert [label for label, *_ in found] == labels


def test_ignored_and_unknown_labels_have_no_point():
    array = mask(c255=np.s_[:10, :10], c7=np.s_[12:, 12:], c2=np.s_[:5, 20:])
    assert [label for label, *_ in tile_centroids(array, 3, None, 1)] == [0, 2]
    assert [label for label, *_ in tile_centroids(array, 3, None, 1, ignore_index=0)] == [2]
    signed = array.astype(np.int64)
    signed[:10, :10] = -1
    assert tile_centroids(signed, 3, None, 1) == tile_centroids(array, 3, None, 1)


def test_unknown_anchor_is_refused():
    with pytest.raises(UserError, match="anchor='corner' is none of 'pixel', 'centroid'"):
        tile_centroids(mask(), 3, anchor='corner')


# ------------------------------------------------------------------ a dataset


@pytest.fixture
def images(tmp_path):
    """Three images; class 2 is in the last one only."""
    for name in ('images', 'masks'):
        (tmp_path / name).mkdir()
    for k in range(3):
        cv2.imwrite(str(tmp_path / f'images/{k}.jpg'), np.full((20, 30, 3), 99, np.uint8))
        array = mask(c1=np.s_[4:9, 2 + 5 * k : 7 + 5 * k])
        if k == 2:
            array[12:18, 20:28] = 2
        cv2.imwrite(str(tmp_path / f'masks/{k}.png'), array)
    return tmp_path


def build(folder, load=(), classes=CLASSES, **kwargs):
    steps = load or [dict(type='LoadImage'), dict(type='LoadAnnotations'), dict(type='CheckLabels')]
    cfg = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=classes),
        pipeline=[*steps, dict(type='ScaleCrop', crop_size=8), dict(type='PackSemiInputs')],
    )
    return DATASETS.build(dict(cfg, **kwargs))


def rows(index):
    return list(zip(*(column.tolist() for column in index)))


def test_index_by_hand(images):
    index = build_index(build(images), tile=None, cache_dir='')
    assert all(column.dtype == np.int32 for column in index)
    objects = [row for row in rows(index) if row[3]]
    assert objects == [(0, 6, 4, 1), (1, 6, 9, 1), (2, 6, 14, 1), (2, 14, 23, 2)]
    assert index.rows_of(2).tolist() == [6]


def test_label_map_counts(images):
    """'sky' is not wanted: mmseg makes it 255 and moves the others down."""
    base = DATASETS.get('BaseSegDataset')
    named = type('Named', (base,), dict(METAINFO=dict(classes=CLASSES)))
    dataset = build(images, classes=('road', 'car'), type=named)
    assert build_index(dataset, None, cache_dir='').label.tolist() == [0, 0, 0, 1]


def test_reduce_zero_label_counts(images):
    dataset = build(images, classes=('road', 'car'), reduce_zero_label=True)
    assert build_index(dataset, None, cache_dir='').label.tolist() == [0, 0, 0, 1]


def test_transforms_before_the_crop_count(images):
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    resize = dict(type='Resize', scale=(60, 40), keep_ratio=True)
    index = build_index(build(images, [*load, resize]), None, cache_dir='')
    y, x = next((row[1], row[2]) for row in rows(index) if row[3] == 2)
    assert abs(y - 29) <= 1 and abs(x - 47) <= 1


def test_workers_change_nothing(images, monkeypatch):
    monkeypatch.setattr(mask_reading, 'FEW', 0)
    one, two = (build_index(build(images), 8, cache_dir='', workers=w) for w in (0, 2))
    assert rows(one) == rows(two)


def test_work_can_be_sent_to_spawned_processes(images):
    points = centroids._Points(centroids.MaskLoader(build(images), 3), dict(num_classes=3))
    job = centroids.Job(points, 3)
    assert pickle.loads(pickle.dumps(job))[2] == job[2]


def test_global_random_state_is_left_alone(images):
    state = torch.get_rng_state()
    build_index(build(images), cache_dir='', workers=1)
    assert torch.equal(torch.get_rng_state(), state)


# ------------------------------------------------------------------ the cache


@pytest.fixture
def built(monkeypatch):
    """Counts how often points are looked for."""
    calls = []
    original = centroids._Points.__call__
    monkeypatch.setattr(
        centroids._Points, '__call__', lambda self, k: calls.append(k) or original(self, k)
    )
    return calls


def test_second_time_the_index_is_read(images, tmp_path, built):
    cache = tmp_path / 'deep/cache'
    first = build_index(build(images), 8, cache_dir=str(cache))
    assert len(built) == 3 and len(list(cache.iterdir())) == 1
    again = build_index(build(images), 8, cache_dir=str(cache))
    assert len(built) == 3
    assert rows(first) == rows(again)


def test_same_dataset_object_finds_its_index_too(images, tmp_path, built):
    """LoadAnnotations changes itself on first use."""
    dataset = build(images)
    for _ in range(2):
        build_index(dataset, 8, cache_dir=str(tmp_path / 'cache'))
    assert len(built) == 3


def test_changed_label_is_never_served_from_an_old_index(images, tmp_path):
    cache = str(tmp_path / 'cache')
    build_index(build(images), None, cache_dir=cache)
    array = mask(c1=np.s_[10:20, :10])
    cv2.imwrite(str(images / 'masks/1.png'), array)
    index = build_index(build(images), None, cache_dir=cache)
    assert (1, 15, 5, 1) in rows(index) or (1, 14, 4, 1) in rows(index)
    assert rows(index) == rows(build_index(build(images), None, cache_dir=''))


@pytest.mark.parametrize(
    'other',
    [dict(tile=8), dict(min_area=5), dict(anchor='centroid')],
    ids=str,
)
def test_settings_are_part_of_the_key(images, tmp_path, built, other):
    cache = str(tmp_path / 'cache')
    build_index(build(images), cache_dir=cache)
    build_index(build(images), cache_dir=cache, **other)
    assert len(built) == 6


def test_label_map_and_transforms_are_part_of_the_key(images, tmp_path, built):
    cache = str(tmp_path / 'cache')
    build_index(build(images), cache_dir=cache)
    build_index(build(images, reduce_zero_label=True), cache_dir=cache)
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    for width in (60, 90):
        resize = dict(type='Resize', scale=(width, 40), keep_ratio=False)
        build_index(build(images, [*load, resize]), cache_dir=cache)
    assert len(built) == 12


@pytest.mark.parametrize(
    'damage',
    [
        lambda data: b'',
        lambda data: data[: len(data) // 2],
        lambda data: b'no archive' * 30,
        lambda data: data[:60] + bytes(20) + data[80:],
    ],
    ids=['empty', 'truncated', 'text', 'flipped'],
)
def test_damaged_cache_is_built_again(images, tmp_path, built, damage):
    cache = tmp_path / 'cache'
    first = build_index(build(images), 8, cache_dir=str(cache))
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert rows(build_index(build(images), 8, cache_dir=str(cache))) == rows(first)
    assert len(built) == 6
    build_index(build(images), 8, cache_dir=str(cache))  # and stored whole
    assert len(built) == 6


def columns(**change):
    plain = dict.fromkeys(centroids.CentroidIndex._fields, np.zeros(2, np.int32))
    return dict(plain, **change)


@pytest.mark.parametrize(
    'content',
    [
        columns(image=np.array([0, 3], np.int32)),
        columns(label=np.array([0, 9], np.int32)),
        columns(y=np.array([0, -1], np.int32)),
        columns(x=np.zeros(3, np.int32)),
        columns(x=np.zeros(2)),
        columns(x=np.array([dict(), dict()], object)),
        dict(image=np.zeros(2, np.int32)),
    ],
    ids=['image', 'label', 'negative', 'length', 'type', 'pickle', 'missing'],
)
def test_index_that_does_not_fit_is_refused(tmp_path, content):
    np.savez(tmp_path / 'a.npz', **content)
    assert centroids.load_index(str(tmp_path / 'a.npz'), 3, 3) is None


def test_cache_that_cannot_be_written_does_not_stop_the_run(images, tmp_path):
    (tmp_path / 'file').write_text('')
    index = build_index(build(images), cache_dir=str(tmp_path / 'file/cache'))
    assert len(index.label) > 0


def test_default_cache_is_the_users(monkeypatch, tmp_path, images):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))
    build_index(build(images))
    assert len(list((tmp_path / 'home/semiseg_mm/centroids').glob('*.npz'))) == 1


def test_drawn_scenes_are_hashed_by_their_labels(tmp_path, built):
    def scenes(**kwargs):
        cfg = dict(type='ShapesDataset', num_images=4, size=(32, 32), **kwargs)
        pipeline = [dict(type='LoadShapes'), dict(type='ScaleCrop', crop_size=8)]
        return DATASETS.build(dict(cfg, pipeline=pipeline))

    for kwargs in ({}, {}, dict(seed=1)):
        build_index(scenes(**kwargs), cache_dir=str(tmp_path))
    assert len(built) == 8


# ------------------------------------------------------------------ what is refused


def test_missing_mask_is_named(images):
    (images / 'masks/1.png').unlink()
    dataset = build(images)
    for cache in ('', str(images / 'cache')):
        with pytest.raises(UserError, match=r'image 1 .*masks/1\.png'):
            build_index(dataset, cache_dir=cache)


def test_dataset_without_labels_is_refused():
    pipeline = [dict(type='LoadShapes'), dict(type='ScaleCrop', crop_size=8)]
    cfg = dict(type='ShapesDataset', num_images=2, with_labels=False, pipeline=pipeline)
    with pytest.raises(UserError, match='cannot be read'):
        build_index(DATASETS.build(cfg), cache_dir='')


def test_random_geometry_before_the_crop_is_refused(images):
    load = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
    with pytest.raises(UserError, match='RandomFlip stands before ScaleCrop'):
        build_index(build(images, [*load, dict(type='RandomFlip', prob=0.5)]), cache_dir='')


def test_pipeline_without_scale_crop_is_refused():
    cfg = dict(type='ShapesDataset', num_images=2, pipeline=[dict(type='LoadShapes')])
    with pytest.raises(UserError, match='ScaleCrop'):
        build_index(DATASETS.build(cfg), cache_dir='')


def test_tile_without_pixels_is_refused(images):
    with pytest.raises(UserError, match='tile must be at least 1'):
        build_index(build(images), tile=0, cache_dir='')


# ------------------------------------------------------------------ several processes


def process(rank, folder):
    """Only rank 0 may look for points; then a mask is missing, which both must learn."""
    address = f'file://{folder}/rendezvous'
    dist.init_process_group('gloo', init_method=address, rank=rank, world_size=2)
    init_default_scope('semiseg_mm')
    if rank:
        centroids._Points.__call__ = centroids.MaskLoader.digest = None
    index = build_index(build(folder), 8, cache_dir='', workers=0)
    (folder / 'masks/1.png').unlink(missing_ok=True)
    dist.barrier()
    dataset = build(folder)
    try:
        build_index(dataset, 8, cache_dir='')
        error = None
    except UserError as stop:
        error = str(stop)
    (folder / f'{rank}.json').write_text(json.dumps([rows(index), error]))
    dist.destroy_process_group()


def test_rank_0_builds_and_the_others_receive(images):
    expected = rows(build_index(build(images), 8, cache_dir=''))
    mp.spawn(process, args=(images,), nprocs=2)
    results = [json.loads((images / f'{rank}.json').read_text()) for rank in (0, 1)]
    assert results[0] == results[1]
    assert [tuple(row) for row in results[0][0]] == expected
    assert 'masks/1.png' in results[0][1]
