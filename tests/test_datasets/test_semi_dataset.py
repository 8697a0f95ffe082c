import copy
import random
from itertools import islice

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from semiseg_mm.datasets import SemiDataset, SourceRatioSampler, collate_views
from semiseg_mm.errors import UserError
from semiseg_mm.structures import SampleRequest

CROP = dict(type='ScaleCrop', crop_size=(16, 16))
VIEWS = dict(weak=[], strong=[dict(type='StrongView')])


def config():
    """Scenes that need no files, with random geometry and colour."""
    load = dict(type='LoadShapes')
    scenes = dict(type='ShapesDataset', size=(32, 32), serialize_data=False)  # False: quicker
    return dict(
        labeled=dict(
            scenes,
            num_images=3,
            pipeline=[load, CROP, dict(type='PackSemiInputs')],
        ),
        unlabeled=dict(
            scenes,
            start=100,
            num_images=4,
            with_labels=False,
            pipeline=[load, CROP, dict(type='MultiView', views=VIEWS), dict(type='PackSemiInputs')],
        ),
    )


@pytest.fixture
def dataset():
    return SemiDataset(**config())


def content(sample):
    """All pixels of a sample (or a collated batch) as bytes."""
    found = {}
    for view, packed in sample.items():
        data = packed['data_samples']
        found[view] = packed['inputs'].numpy().tobytes(), data.valid.data.numpy().tobytes()
        if 'gt_sem_seg' in data:
            found[view] += (data.gt_sem_seg.data.numpy().tobytes(),)
    return found


def requests(count=14):
    return [SampleRequest(index=k % 7, serial=k, seed=1000 + k) for k in range(count)]


def rng_state():
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def equal_states(one, two):
    numpy_equal = all(np.array_equal(a, b) for a, b in zip(one[1], two[1]))
    return one[0] == two[0] and numpy_equal and torch.equal(one[2], two[2])


def test_labeled_images_come_first_and_have_their_own_view(dataset):
    assert (len(dataset), dataset.num_labeled, dataset.num_unlabeled) == (7, 3, 4)
    for index in range(7):
        sample = dataset[SampleRequest(index, serial=0)]
        names = {f'shapes/train/{i:06d}' for i in ((index,) if index < 3 else (97 + index,))}
        assert set(sample) == ({'labeled'} if index < 3 else {'weak', 'strong'})
        assert {p['data_samples'].metainfo['img_path'] for p in sample.values()} == names


def test_an_unlabeled_sample_carries_no_label(dataset):
    sample = dataset[SampleRequest(5, serial=0)]
    assert all('gt_sem_seg' not in packed['data_samples'] for packed in sample.values())
    assert 'gt_sem_seg' in dataset[SampleRequest(0, serial=0)]['labeled']['data_samples']


def test_a_request_is_a_sample_bit_for_bit(dataset):
    """In any order, after other calls, in another object, whatever the global random state."""
    first = [content(dataset[r]) for r in requests()]
    random.seed(9), np.random.seed(9), torch.manual_seed(9)
    again = [content(dataset[r]) for r in reversed(requests())]
    assert again[::-1] == first
    assert [content(SemiDataset(**config())[r]) for r in requests()] == first


def test_another_seed_is_another_sample(dataset):
    one, two = (content(dataset[SampleRequest(4, serial=0, seed=s)]) for s in (1, 2))
    assert one['weak'] != two['weak']
    same = content(dataset[SampleRequest(4, serial=99, seed=1)])
    assert same == one  # the serial is a name, the seed decides


def test_python_numpy_and_torch_are_all_seeded():
    def draw(results):
        drawn = [random.random(), np.random.rand(), torch.rand(()).item()]
        return dict(labeled=drawn)

    dataset = SemiDataset(labeled=dict(config()['labeled'], pipeline=[draw]))
    one, two, other = (dataset[SampleRequest(0, 0, seed=s)]['labeled'] for s in (1, 1, 2))
    assert one == two and all(a != b for a, b in zip(one, other))


def test_the_callers_random_state_is_left_as_it_was(dataset):
    before = rng_state()
    for request in requests():
        dataset[request]
    assert equal_states(rng_state(), before)


def test_the_random_state_survives_a_failing_pipeline():
    def fail(results):
        raise UserError('bad mask')

    dataset = SemiDataset(labeled=dict(config()['labeled'], pipeline=[fail]))
    before = rng_state()
    with pytest.raises(UserError, match='bad mask'):
        dataset[SampleRequest(0, 0, seed=7)]
    assert equal_states(rng_state(), before)


def test_a_plain_index_works_too(dataset):
    assert content(dataset[4]) == content(dataset[SampleRequest(4, serial=4, seed=4)])
    assert content(dataset[np.int64(4)]) == content(dataset[4])


def test_crop_size_of_a_request_is_honoured_in_all_views(dataset):
    for index in (0, 5):
        sample = dataset[SampleRequest(index, 0, crop_size=(8, 12))]
        for packed in sample.values():
            assert packed['inputs'].shape == (3, 8, 12)
            assert packed['data_samples'].valid.data.shape == (1, 8, 12)


def test_one_crop_size_sets_both_pipelines_and_a_request_overrides_it():
    dataset = SemiDataset(**config(), crop_size=(12, 8))
    for index in (0, 5):
        for size, request in (((12, 8), {}), ((4, 6), dict(crop_size=(4, 6)))):
            sample = dataset[SampleRequest(index, 0, **request)]
            assert {p['inputs'].shape for p in sample.values()} == {(3, *size)}


def test_centre_of_a_request_is_honoured(folder_cfg):
    """At scale 1, the crop around a corner's centre is that corner of the image, or near it."""
    place = np.mgrid[:20, :26].transpose(1, 2, 0).astype(np.float32)  # values say where from

    def load(results):
        return dict(results, img=place, seg_fields=[])

    cfg = copy.deepcopy(folder_cfg['labeled'])
    cfg['pipeline'] = [load, dict(CROP, crop_size=4, scale=(1, 1)), dict(type='PackSemiInputs')]
    dataset = SemiDataset(labeled=cfg)
    for seed in range(10):
        for center in ((0, 0), (19, 25), (10, 3)):
            sample = dataset[SampleRequest(0, 0, seed, center=center)]['labeled']['inputs']
            inside = [tuple(p.tolist()) for p in sample.flatten(1).T]
            assert tuple(map(float, center)) in inside


def test_one_request_leaves_nothing_behind_for_the_next(dataset):
    plain = content(dataset[SampleRequest(0, 0)])
    dataset[SampleRequest(0, 0, crop_size=(8, 8), center=(1, 1))]
    assert content(dataset[SampleRequest(0, 0)]) == plain


def loaded(dataset, workers):
    sampler = SourceRatioSampler(dataset, labeled=2, unlabeled=3, seed=0)
    loader = DataLoader(
        dataset,
        batch_size=sampler.batch_size,
        sampler=sampler,
        collate_fn=collate_views,
        num_workers=workers,
    )
    return list(islice(loader, 4))


def test_batches_do_not_depend_on_the_number_of_workers(dataset):
    for alone, shared in zip(loaded(dataset, 0), loaded(dataset, 2), strict=True):
        assert set(alone['inputs']) == set(shared['inputs']) == {'labeled', 'weak', 'strong'}
        for view, images in alone['inputs'].items():
            assert len(images) == (2 if view == 'labeled' else 3)
            assert torch.equal(images, shared['inputs'][view])
            maps, others = alone['pixels'][view], shared['pixels'][view]
            assert set(maps) == set(others) == {'valid', *['gt_sem_seg'] * (view == 'labeled')}
            assert all(torch.equal(maps[name], others[name]) for name in maps)
            pairs = zip(alone['data_samples'][view], shared['data_samples'][view], strict=True)
            assert all(one.metainfo == two.metainfo for one, two in pairs)


def test_views_set_the_pipelines_of_the_unlabeled_source():
    """And leave the config that was passed as it was."""
    cfg = config()
    before = copy.deepcopy(cfg)
    dataset = SemiDataset(**cfg, views=dict(weak=[], strong=[], third=[]))
    sample = content(dataset[5])
    assert set(sample) == {'weak', 'strong', 'third'}
    assert sample['weak'] == sample['strong'] == sample['third']
    assert cfg == before


def test_views_without_a_place_for_them_are_refused():
    """Else the unlabeled images would be packed as labeled ones, without a label."""
    cfg = config()
    cfg['unlabeled']['pipeline'] = [dict(type='LoadShapes'), dict(type='PackSemiInputs')]
    with pytest.raises(UserError, match='MultiView'):
        SemiDataset(**cfg, views=VIEWS)


def scales(dataset):
    """By source: which transforms have which scale."""
    found = {}
    for name in ('labeled', 'unlabeled'):
        steps = getattr(dataset, name).pipeline.transforms
        found[name] = [(type(t).__name__, t.scale) for t in steps if hasattr(t, 'scale')]
    return found


@pytest.mark.parametrize('scale', [(0.5, 2.0), [0.5]])
def test_one_scale_sets_both_pipelines(scale):
    """Where a factor is drawn first, there; a config that was passed stays as it was."""
    cfg = config()
    cfg['unlabeled']['pipeline'][:0] = [dict(type='DrawScale', scale=[1.0])]
    before = copy.deepcopy(cfg)
    found = scales(SemiDataset(**cfg, scale=scale))
    assert found['labeled'] == [('ScaleCrop', scale)]
    assert found['unlabeled'] == [('DrawScale', scale), ('ScaleCrop', None)]
    assert cfg == before


def test_one_word_for_antialiasing_padding_or_flips_sets_both_pipelines():
    """Where the factor is drawn, as with the scale."""
    cfg = config()
    cfg['unlabeled']['pipeline'][:0] = [dict(type='DrawScale', scale=[1.0])]
    dataset = SemiDataset(**cfg, antialias=True, pad_around=True, flip=0.25)
    found = [
        (type(t).__name__, t.antialias, getattr(t, 'pad_around', None), getattr(t, 'flip', None))
        for source in (dataset.labeled, dataset.unlabeled)
        for t in source.pipeline.transforms
        if hasattr(t, 'antialias')
    ]
    assert found == [
        ('ScaleCrop', True, True, 0.25),
        ('DrawScale', True, None, None),
        ('ScaleCrop', None, True, 0.25),
    ]


def test_a_scale_is_used():
    """A scene of 32 pixels at a quarter of its size fills 8 of the 16 x 16 pixels of a crop."""
    dataset = SemiDataset(**config(), scale=[0.25])
    for index in (0, 5):
        for packed in dataset[index].values():
            assert packed['data_samples'].valid.data.sum() == 64


def test_one_colour_pads_both_pipelines():
    """A scene of 32 pixels at a quarter of its size fills 8 of the 16 x 16 pixels of a crop."""
    cfg = config()
    before = copy.deepcopy(cfg)
    dataset = SemiDataset(**cfg, scale=[0.25], pad_val=[104, 116, 124])
    assert cfg == before
    for index, view in ((0, 'labeled'), (5, next(v for v, steps in VIEWS.items() if not steps))):
        packed = dataset[index][view]
        padding = packed['inputs'][:, ~packed['data_samples'].valid.data[0]]
        assert padding.shape == (3, 192)
        assert padding.unique(dim=1).flatten().tolist() == [104, 116, 124]


def test_a_colour_without_a_place_for_it_is_refused():
    cfg = config()
    cfg['labeled']['pipeline'] = [step for step in cfg['labeled']['pipeline'] if step is not CROP]
    with pytest.raises(UserError, match=r'pad_val is set.*dataset\.labeled has no .*ScaleCrop'):
        SemiDataset(**cfg, pad_val=0)


@pytest.mark.parametrize('source', ['labeled', 'unlabeled'])
def test_a_scale_without_a_place_for_it_is_refused(source):
    """Else one source would be scaled and the other not."""
    cfg = config()
    cfg[source]['pipeline'] = [step for step in cfg[source]['pipeline'] if step is not CROP]
    with pytest.raises(UserError, match=rf'dataset\.{source} has no .*DrawScale'):
        SemiDataset(**cfg, scale=(0.5, 2.0))


def test_a_scale_needs_no_unlabeled_source():
    assert SemiDataset(labeled=config()['labeled'], scale=[1.0]).num_unlabeled == 0


def test_split_names_both_lists(folder_cfg):
    before = copy.deepcopy(folder_cfg)
    dataset = SemiDataset(**folder_cfg)
    paths = [dataset.results(k)[0]['img_path'] for k in range(len(dataset))]
    names = [path.rsplit('/', 1)[1] for path in paths]
    assert names == ['a0.jpg', 'a1.jpg', 'a2.jpg', 'b0.jpg', 'b1.jpg', 'b2.jpg', 'b3.jpg']
    assert (dataset.num_labeled, dataset.num_unlabeled) == (3, 4)
    assert folder_cfg == before


def test_unlabeled_source_is_optional():
    cfg = config()
    dataset = SemiDataset(labeled=cfg['labeled'], split=None, views=VIEWS)
    assert (len(dataset), dataset.num_unlabeled) == (3, 0)
    assert set(dataset.identity()) == {'labeled'}


def test_an_empty_labeled_list_is_refused(folder_cfg, folder):
    (folder / 'splits/3/labeled.txt').write_text('')
    with pytest.raises(UserError, match=r'labeled dataset is empty.*splits/3/labeled.txt'):
        SemiDataset(**folder_cfg)


def test_a_bad_mask_is_found_before_the_run_starts(folder_cfg, folder):
    """Though the crop of 16x16 could miss the one bad pixel."""
    mask = np.zeros((20, 26), np.uint8)
    mask[0, 0] = 9
    cv2.imwrite(str(folder / 'masks/a1.png'), mask)
    with pytest.raises(UserError, match=r'masks/a1.png holds the label 9, .* 3 classes'):
        SemiDataset(**folder_cfg).check_labels()


@pytest.mark.parametrize('labeled', [0, 1])
def test_masks_without_any_label_are_said(folder_cfg, folder, monkeypatch, labeled):
    """One labeled mask is enough: some are empty in many datasets."""
    said = []
    path = 'semiseg_mm.datasets.semi_dataset.print_log'
    monkeypatch.setattr(path, lambda text, *_, **__: said.append(text))
    for name in ('a0', 'a1', 'a2')[labeled:]:
        cv2.imwrite(str(folder / f'masks/{name}.png'), np.full((20, 26), 255, np.uint8))
    SemiDataset(**folder_cfg).check_labels()
    if labeled:
        assert said == []
    else:
        (sentence,) = said
        assert 'Of the 3 samples of train_dataloader.dataset.labeled' in sentence
        assert 'none has a labeled pixel: all are 255' in sentence


@pytest.mark.parametrize('limit', [1, 2, 3, 4, 7, 64])
def test_label_check_reads_no_more_than_its_limit_spread_over_the_list(limit):
    seen = []

    def look(results):
        seen.append(int(results['img_path'][-6:]))
        return results

    labeled = dict(config()['labeled'], num_images=7, pipeline=[look])
    SemiDataset(labeled=labeled).check_labels(limit)
    assert 1 <= len(seen) <= limit and len(set(seen)) == len(seen)
    if limit >= 7:
        assert len(seen) == 7
