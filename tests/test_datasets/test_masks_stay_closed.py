"""Unlabeled means unlabeled: no mask of an unlabeled image is ever opened in training."""

import sys
from itertools import islice

import pytest
from torch.utils.data import DataLoader

from semiseg_mm.datasets import SemiDataset, SourceRatioSampler, collate_views

OPENED: list[str] = []
listening = False


def _listen(event: str, arguments: tuple) -> None:
    if listening and event == 'open':
        OPENED.append(str(arguments[0]))


sys.addaudithook(_listen)  # stays for the life of the process, so it is switched on and off


@pytest.fixture
def opened():
    global listening
    OPENED.clear()
    listening = True
    yield OPENED
    listening = False


def train(cfg, batches=8):
    """What a run does with the data: checks, identity, batches."""
    dataset = SemiDataset(**cfg)
    dataset.check_labels()
    dataset.identity()
    sampler = SourceRatioSampler(dataset, labeled=2, unlabeled=2, seed=0)
    loader = DataLoader(dataset, batch_size=4, sampler=sampler, collate_fn=collate_views)
    return list(islice(loader, batches))


def test_only_masks_of_labeled_images_are_opened(folder_cfg, folder, opened):
    batches = train(folder_cfg)
    shown = {s.img_path for b in batches for s in b['data_samples']['weak']}
    assert shown == {str(folder / f'images/b{k}.jpg') for k in range(4)}  # all were used
    below = {path for path in opened if path.startswith(str(folder))}
    assert {p for p in below if '/masks/' in p} == {
        str(folder / f'masks/a{k}.png') for k in range(3)
    }
    assert shown <= below  # the spy sees what is opened


def test_masks_of_unlabeled_images_need_not_exist(folder_cfg, folder):
    expected = train(folder_cfg)
    for file in (folder / 'masks').glob('b*.png'):
        file.unlink()
    for batch, other in zip(train(folder_cfg), expected, strict=True):
        for view, images in batch['inputs'].items():
            assert all((a == b).all() for a, b in zip(images, other['inputs'][view], strict=True))


def test_no_sample_of_an_unlabeled_image_knows_a_mask(folder_cfg):
    dataset = SemiDataset(**folder_cfg)
    for index in range(3, 7):
        info = dataset.results(index)[0]
        assert not [v for v in info.values() if isinstance(v, str) and 'masks' in v]
        for packed in dataset[index].values():
            assert 'gt_sem_seg' not in packed['data_samples']
            assert not packed['data_samples'].metainfo.get('seg_map_path')
