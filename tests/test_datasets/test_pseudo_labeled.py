"""A network's label maps in the place of the unlabeled source."""

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

from semiseg_mm.datasets import (
    CentroidSampler,
    PseudoLabeledDataset,
    SemiDataset,
    SourceRatioSampler,
    collate_views,
    crop_histogram,
)
from semiseg_mm.datasets.identity import image_id
from semiseg_mm.datasets.pseudo_labeled import files_beside
from semiseg_mm.datasets.samplers import stream
from semiseg_mm.errors import UserError
from semiseg_mm.structures import SampleRequest

CLASSES = ('sky', 'road', 'car')
PSEUDO = ('cam1/x', 'cam2/x', 'y', 'cam2/z')
LOAD = [dict(type='LoadImage'), dict(type='LoadAnnotations')]
CROP = dict(type='ScaleCrop', crop_size=(16, 16), scale=(1.0, 1.0))


def write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


@pytest.fixture
def folder(tmp_path):
    """3 labeled images of classes 0 and 1; 4 pseudo-labeled ones, two of them of one name.

    The k-th label map is 0 but for a patch of 4 x 4 pixels of class 2 at row 3 k.
    """
    init_default_scope('semiseg_mm')
    rng = np.random.default_rng(0)
    for k in range(3):
        mask = np.zeros((20, 26), np.uint8)
        mask[:, 13:] = 1
        write(tmp_path / f'real/{k}.jpg', rng.integers(0, 256, (20, 26, 3), np.uint8))
        write(tmp_path / f'masks/{k}.png', mask)
    for k, name in enumerate(PSEUDO):
        mask = np.zeros((20, 26), np.uint8)
        mask[3 * k : 3 * k + 4, 2:6] = 2
        write(tmp_path / f'more/{name}.jpg', rng.integers(0, 256, (20, 26, 3), np.uint8))
        write(tmp_path / f'labels/{name}.png', mask)
    (tmp_path / 'ids.txt').write_text('\n'.join(PSEUDO))
    return tmp_path


def source(folder, **kwargs):
    pipeline = [*LOAD, dict(type='CheckLabels'), CROP]
    own = {key: kwargs.pop(key) for key in ('img_path', 'ann_file') if key in kwargs}
    images = dict(data_root=str(folder), img_path='more', ann_file='ids.txt')
    defaults = dict(
        type='PseudoLabeledDataset',
        images={'type': 'UnlabeledDataset', **images, **own},
        label_dir=str(folder / 'labels'),
        pipeline=[*pipeline, dict(type='PackSemiInputs', view='pseudo')],
    )
    return dict(defaults, **kwargs)


def semi(folder, unlabeled=None, **kwargs):
    labeled = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path='real', seg_map_path='masks'),
        metainfo=dict(classes=CLASSES),
        pipeline=[*LOAD, CROP, dict(type='PackSemiInputs')],
    )
    return SemiDataset(labeled, unlabeled or source(folder), **kwargs)


def build(folder, **kwargs):
    cfg = source(folder, **kwargs)
    cfg.pop('type')
    return PseudoLabeledDataset(**cfg)


# ------------------------------------------------------------------ the files


def test_each_image_has_the_label_map_of_its_path(folder):
    dataset = build(folder)
    infos = [dataset.get_data_info(k) for k in range(4)]
    below = [Path(info['seg_map_path']).relative_to(folder / 'labels') for info in infos]
    assert [path.as_posix() for path in below] == [f'{name}.png' for name in PSEUDO]
    for info in infos:
        assert info['label_map'] is None and info['reduce_zero_label'] is False
        assert info['seg_fields'] == [] and 'confidence_path' not in info


@pytest.mark.parametrize('img_path', ['more', 'more/**/*.jpg'], ids=['folder', 'glob'])
def test_folders_and_globs_find_the_same_label_maps(folder, img_path):
    dataset = build(folder, img_path=img_path, ann_file='')
    pairs = {}
    for k in range(len(dataset)):
        info = dataset.get_data_info(k)
        pairs[info['img_path'].split('/more/')[1]] = info['seg_map_path'].split('/labels/')[1]
    assert pairs == {f'{name}.jpg': f'{name}.png' for name in PSEUDO}


def test_a_relative_label_dir_is_not_looked_for_in_the_data_root(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert build(folder, label_dir='labels').get_data_info(0)['seg_map_path'].startswith('labels/')


def test_missing_label_maps_are_counted_and_the_first_is_named(folder):
    for name in PSEUDO[1:3]:
        (folder / f'labels/{name}.png').unlink()
    with pytest.raises(UserError, match=r'2 of 4 images .*the first is .*labels/cam2/x\.png'):
        build(folder)


def test_confidences_are_named_only_if_asked_for(folder):
    with pytest.raises(UserError, match=r'4 of 4 images have no confidence.*conf_dir'):
        build(folder, conf_dir=str(folder / 'conf'))
    for name in PSEUDO:
        write(folder / f'conf/{name}.png', np.zeros((20, 26), np.uint8))
    info = build(folder, conf_dir=str(folder / 'conf')).get_data_info(1)
    assert info['confidence_path'] == str(folder / 'conf/cam2/x.png')


def test_of_several_folders_the_first_one_counts(folder):
    write(folder / 'better/y.png', np.ones((20, 26), np.uint8))
    both = [str(folder / 'better'), str(folder / 'labels')]
    dataset = build(folder, label_dir=both)
    infos = [dataset.get_data_info(k) for k in range(4)]
    folders = [Path(i['seg_map_path']).relative_to(folder).parts[0] for i in infos]
    assert folders == ['labels', 'labels', 'better', 'labels']


def test_lists_say_which_images_take_part(folder):
    """An image of no list is left out; one of both belongs to the first folder."""
    for number, ids in enumerate((['y', 'cam2/z'], ['y', 'cam1/x'])):
        (folder / f'{number}.txt').write_text('\n'.join(ids))
    both = [str(folder / 'labels')] * 2
    lists = [str(folder / f'{k}.txt') for k in (0, 1)]
    dataset = build(folder, label_dir=both, only=lists)
    assert len(dataset) == 3 and dataset.folder_of.tolist() == [1, 0, 0]
    assert [p.split('/more/')[1] for p in dataset.image_paths()] == [
        'cam1/x.jpg', 'y.jpg', 'cam2/z.jpg',
    ]  # fmt: skip
    (folder / 'labels/y.png').unlink()
    with pytest.raises(UserError, match=r'1 of 4 images have no label map.*labels/y\.png'):
        build(folder, label_dir=both, only=lists)


def test_scenes_that_are_drawn_may_have_label_maps(tmp_path):
    """The images need not be files."""
    images = dict(type='ShapesDataset', num_images=2, with_labels=False, size=(16, 16))
    for k in range(2):
        write(tmp_path / f'shapes/train/00000{k}.png', np.full((16, 16), k, np.uint8))
    pipeline = [dict(type='LoadShapes'), dict(type='LoadAnnotations')]
    dataset = PseudoLabeledDataset(images, str(tmp_path), pipeline=pipeline)
    for k in range(2):
        assert (dataset.pipeline(dataset.get_data_info(k))['gt_seg_map'] == k).all()


def test_images_that_would_share_a_label_map_are_refused():
    with pytest.raises(UserError, match=r'd/a\.jpg and d/a\.tif would share .*o/a\.png'):
        files_beside(['d/a.jpg', 'd/b.jpg', 'd/a.tif'], 'd', 'o')


def test_images_from_elsewhere_keep_to_the_label_folder():
    assert files_beside(['/e/a.png', 'd/../b.jpg'], 'd', 'o') == ['o/e/a.png', 'o/b.png']


# ------------------------------------------------------------------ in a SemiDataset


def test_a_sample_is_the_view_pseudo_with_its_label(folder):
    dataset = semi(folder)
    assert list(dataset.label_sources) == ['labeled', 'unlabeled']
    for index in range(7):
        sample = dataset[SampleRequest(index, 0, center=(10, 4))]
        (view,) = sample
        assert view == ('labeled' if index < 3 else 'pseudo')
        label = sample[view]['data_samples'].gt_sem_seg.data
        assert label.shape == (1, 16, 16)
        assert (2 in label) == (index >= 3)  # the patch of class 2 is near that centre


def test_a_views_pipeline_may_make_the_pseudo_view(folder):
    pipeline = [*LOAD, CROP, dict(type='MultiView', views={}), dict(type='PackSemiInputs')]
    cfg = source(folder, pipeline=pipeline)
    dataset = semi(folder, unlabeled=cfg, views=dict(pseudo=[dict(type='StrongView')]))
    assert 'gt_sem_seg' in dataset[4]['pseudo']['data_samples']


def test_labels_beyond_the_classes_are_found_before_the_run_starts(folder):
    mask = np.zeros((20, 26), np.uint8)
    mask[0, 0] = 3
    write(folder / 'labels/cam2/z.png', mask)
    with pytest.raises(UserError, match=r'labels/cam2/z\.png holds the label 3, .* 3 classes'):
        semi(folder).check_labels()


def test_a_broken_image_is_replaced_and_its_centre_with_it(folder):
    (folder / 'more/cam2/x.jpg').write_bytes(b'')
    dataset = semi(folder, max_broken=0.5)
    dataset.broken.report = str(folder / 'broken.txt')
    found = dataset[SampleRequest(4, 0, seed=5, center=(19, 25))]['pseudo']
    expected = dataset[SampleRequest(5, 0, seed=5)]['pseudo']
    assert torch.equal(found['inputs'], expected['inputs'])
    assert 'cam2/x.jpg' in (folder / 'broken.txt').read_text()


@pytest.mark.parametrize('content', [b'', b'no image', None], ids=['empty', 'text', 'cut off'])
@pytest.mark.parametrize('file', ['labels/cam2/x.png', 'masks/1.png'])
def test_a_broken_label_map_stops_the_run_and_is_named(folder, file, content):
    path = folder / file
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    dataset = semi(folder)
    with pytest.raises(UserError, match=rf'The mask .*{file} cannot be read'):
        dataset[4 if 'labels' in file else 1]
    with pytest.raises(UserError, match=rf'The mask .*{file} cannot be read'):
        CentroidSampler(dataset, 2, 2, seed=0, cache_dir='')


def test_other_errors_are_not_blamed_on_the_label_map(folder):
    def fail(results):
        raise ZeroDivisionError

    dataset = semi(folder)
    dataset.unlabeled.pipeline.transforms.append(fail)
    with pytest.raises(ZeroDivisionError):
        dataset[4]


# ------------------------------------------------------------------ drawn by class


@pytest.fixture
def make(monkeypatch, folder):
    def build(rank=0, world=1, labeled=4, unlabeled=4, **kwargs):
        monkeypatch.setattr(stream, 'get_dist_info', lambda: (rank, world))
        defaults = dict(tile=None, cache_dir='', seed=3)
        return CentroidSampler(semi(folder), labeled, unlabeled, **dict(defaults, **kwargs))

    return build


def take(sampler, count):
    return list(islice(sampler, count))


def by_class(requests) -> dict[str, int]:
    """How many requests of each source name a place."""
    drawn = [r.index >= 3 for r in requests if r.center is not None]
    return dict(labeled=drawn.count(False), unlabeled=drawn.count(True))


@pytest.mark.parametrize(
    ('sources', 'labeled', 'unlabeled'),
    [
        (None, 20, 20),
        (('labeled', 'unlabeled'), 20, 20),
        (('labeled',), 20, 0),
        ('unlabeled', 0, 20),
        ((), 0, 0),
    ],
)
def test_sources_that_are_drawn_by_class(make, sources, labeled, unlabeled):
    requests = take(make(sources=sources), 80)
    assert by_class(requests) == dict(labeled=labeled, unlabeled=unlabeled)


def test_places_of_the_pseudo_labels(make):
    """Class 2 is in rows 3 k to 3 k + 3 and columns 2 to 5; the pixel nearest to the middle."""
    sampler = make(fraction=1)
    assert sampler.draws[1].present == [0, 2] and sampler.draws[0].present == [0, 1]
    drawn = {(r.index, r.center) for r in take(sampler, 400) if r.index >= 3}
    of_patch = {(3 + k, (3 * k + 1, 3)) for k in range(4)}
    assert of_patch <= drawn and len(drawn) == 8


def test_the_other_crops_walk_through_all_images(make):
    """Half of 4 x 20 serials of the pseudo source are 10 passes over 4 images."""
    shown = [r.index for r in take(make(), 160) if r.index >= 3 and r.center is None]
    assert {k: shown.count(k) for k in range(3, 7)} == dict.fromkeys(range(3, 7), 10)


def test_the_labeled_stream_does_not_depend_on_the_other_source(make):
    both, one = (take(make(sources=s), 80) for s in (None, ('labeled',)))
    assert [r for r in both if r.index < 3] == [r for r in one if r.index < 3]


def test_a_source_without_label_maps_is_refused(folder):
    labeled = semi(folder).labeled
    plain = SemiDataset.__new__(SemiDataset)
    plain.labeled, plain.unlabeled = labeled, None
    plain.num_labeled, plain.num_unlabeled, plain.metainfo = 3, 0, labeled.metainfo
    with pytest.raises(UserError, match="sources names 'unlabeled', but label maps have: labeled"):
        CentroidSampler(plain, 2, seed=0, sources=['labeled', 'unlabeled'])


def test_without_places_for_it_a_source_is_not_read(make, folder):
    (folder / 'labels/y.png').write_bytes(b'')
    assert list(make(labeled_only=True).digests) == ['labeled']


def test_a_broken_image_does_not_stop_the_index(make, folder):
    (folder / 'more/y.jpg').write_bytes(b'')
    assert 2 in make().draws[1].index.image


def test_rare_class_of_the_pseudo_labels_is_seen_more_often(make):
    pixels = []
    for fraction in (0, 1):
        sampler = make(fraction=fraction)
        _, share = crop_histogram(sampler.dataset, sampler, 300, view='pseudo')
        pixels.append(share[2])
    assert pixels[1] > 1.1 * pixels[0] > 0


def test_changed_pseudo_labels_never_meet_an_old_index(make, folder):
    cache = str(folder / 'cache')
    first = make(cache_dir=cache)
    mask = np.full((20, 26), 1, np.uint8)
    write(folder / 'labels/y.png', mask)
    second = make(cache_dir=cache)
    assert 1 in second.draws[1].present and 1 not in first.draws[1].present
    assert first.digests['labeled'] == second.digests['labeled']
    assert first.digests['unlabeled'] != second.digests['unlabeled']


def test_changed_confidences_count_as_changed_labels(folder):
    """What is filtered by them before the crop is another label map."""
    digests = []
    for value in (1, 1, 2):
        for name in PSEUDO:
            write(folder / f'conf/{name}.png', np.full((20, 26), value, np.uint8))
        data = semi(folder, unlabeled=source(folder, conf_dir=str(folder / 'conf')))
        digests.append(CentroidSampler(data, 2, 2, seed=0, cache_dir='').digests['unlabeled'])
    assert digests[0] == digests[1] != digests[2]


# ------------------------------------------------------------------ one stream


@pytest.mark.parametrize('iteration', [0, 7, 100_000])
def test_processes_together_walk_the_stream_of_one(make, iteration):
    def batch(rank, world):
        sampler = make(rank, world, labeled=4 // world, unlabeled=4 // world)
        start = iteration * sampler.batch_size
        return {sampler.at(start + k) for k in range(sampler.batch_size)}

    assert batch(0, 2) | batch(1, 2) == batch(0, 1)


@pytest.mark.parametrize('count', [1, 8, 13])
def test_skipping_is_dropping(make, count):
    dropped = take(make(), count + 40)[count:]
    sampler = make()
    sampler.skip(count)
    assert take(sampler, 40) == dropped


def test_batches_do_not_depend_on_the_number_of_workers(make):
    def loaded(workers):
        sampler = make(labeled=2, unlabeled=3)
        loader = DataLoader(
            sampler.dataset, 5, sampler=sampler, collate_fn=collate_views, num_workers=workers
        )
        return list(islice(loader, 4))

    for alone, shared in zip(loaded(0), loaded(2), strict=True):
        assert {view: len(x) for view, x in alone['inputs'].items()} == dict(labeled=2, pseudo=3)
        for view, images in alone['inputs'].items():
            assert torch.equal(images, shared['inputs'][view])


def process(rank, folder):
    """A real process group: rank 0 reads both sources, rank 1 receives."""
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2
    )
    init_default_scope('semiseg_mm')
    sampler = CentroidSampler(semi(folder), 2, 2, tile=None, cache_dir='', seed=3)
    drawn = [[r.index, r.serial, r.seed, r.center] for r in take(sampler, 40)]
    (folder / f'{rank}.json').write_text(json.dumps([drawn, sampler.identity()]))
    torch.distributed.destroy_process_group()


def test_two_processes_draw_what_one_would(make, folder):
    mp.spawn(process, args=(folder,), nprocs=2)
    shares, identities = zip(*(json.loads((folder / f'{r}.json').read_text()) for r in (0, 1)))
    sampler = make()
    alone = [[r.index, r.serial, r.seed, r.center] for r in take(sampler, 80)]
    assert sorted(shares[0] + shares[1], key=str) == sorted(json.loads(json.dumps(alone)), key=str)
    assert identities[0] == identities[1] == json.loads(json.dumps(sampler.identity()))


def test_fraction_zero_is_the_plain_stream(make, folder):
    plain = SourceRatioSampler(semi(folder), 4, 4, seed=3)
    assert take(make(fraction=0), 80) == take(plain, 80)


@pytest.mark.parametrize(
    ('path', 'root', 'expected'),
    [
        ('data/img/a/b.jpg', 'data/img', 'a/b'),
        ('data/img/a/b.jpg', 'data/img/', 'a/b'),
        ('data/img2/a.jpg', 'data/img', 'data/img2/a'),  # another folder
        ('/a.jpg', '/', 'a'),
        ('a.jpg', '', 'a'),
        ('data\\img\\a\\b.jpg', 'data\\img', 'a/b'),
    ],
)
def test_an_id_is_the_path_below_the_folder(path, root, expected):
    assert image_id(path, root) == expected
