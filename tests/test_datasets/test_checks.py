import copy

import pytest

from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.errors import UserError

KEY = 'train_dataloader.dataset'


def refusal(cfg, key=KEY):
    with pytest.raises(UserError) as caught:
        check_paths(cfg, key)
    return str(caught.value)


def test_nothing_is_raised_when_all_is_there(folder_cfg):
    before = copy.deepcopy(folder_cfg)
    check_paths(folder_cfg, KEY)
    check_paths(dict(folder_cfg, unlabeled=None), KEY)
    assert folder_cfg == before


def test_datasets_without_files_pass():
    check_paths(dict(type='ShapesDataset', num_images=3), KEY)


@pytest.mark.parametrize('source', ['labeled', 'unlabeled'])
def test_missing_root(folder_cfg, source):
    folder_cfg[source]['data_root'] = 'no/such/root'
    text = refusal(folder_cfg)
    assert 'The folder no/such/root does not exist' in text
    assert f'--cfg-options {KEY}.{source}.data_root=' in text


@pytest.mark.parametrize('part', ['img_path', 'seg_map_path'])
def test_missing_folder_of_the_labeled_source(folder_cfg, folder, part):
    folder_cfg['labeled']['data_prefix'][part] = 'nowhere'
    text = refusal(folder_cfg)
    assert f'The folder {folder}/nowhere does not exist' in text
    assert f'({KEY}.labeled.data_prefix.{part})' in text
    assert ('semiseg_mm new' in text) == (part == 'seg_map_path')


def test_missing_folder_of_the_unlabeled_source(folder_cfg, folder):
    folder_cfg['unlabeled']['img_path'] = 'nowhere'
    text = refusal(folder_cfg)
    assert f'{folder}/nowhere' in text and f'{KEY}.unlabeled.img_path' in text


def test_a_file_is_no_folder(folder_cfg, folder):
    (folder / 'images.zip').touch()
    folder_cfg['unlabeled']['img_path'] = 'images.zip'
    assert f'{folder}/images.zip' in refusal(folder_cfg)


def test_a_glob_is_left_to_the_dataset(folder_cfg):
    folder_cfg['unlabeled']['img_path'] = 'nowhere/*.jpg'
    check_paths(folder_cfg, KEY)


@pytest.mark.parametrize('source', ['labeled', 'unlabeled'])
def test_missing_list(folder_cfg, folder, source):
    del folder_cfg['split']
    folder_cfg[source]['ann_file'] = 'lists/none.txt'
    text = refusal(folder_cfg)
    assert f'The id list {folder}/lists/none.txt does not exist' in text
    assert f'--cfg-options {KEY}.{source}.ann_file=' in text


def test_missing_list_of_an_evaluation_set(folder_cfg, folder):
    cfg = dict(folder_cfg['labeled'], ann_file='val.txt')
    text = refusal(cfg, 'val_dataloader.dataset')
    assert f'{folder}/val.txt' in text and 'val_dataloader.dataset.ann_file' in text


def test_missing_dataset_inside_a_wrapper(folder_cfg):
    wrapped = dict(type='RepeatDataset', dataset=dict(folder_cfg['labeled'], data_root='nowhere'))
    assert f'{KEY}.dataset.data_root' in refusal(wrapped)


@pytest.mark.parametrize('name', ['labeled', 'unlabeled'])
def test_missing_list_of_a_split_names_the_key_that_helps(folder_cfg, folder, name):
    """With a split, setting ann_file would change nothing: the key to correct is split."""
    (folder / f'splits/3/{name}.txt').unlink()
    text = refusal(folder_cfg)
    assert f'The id list {folder}/splits/3/{name}.txt does not exist' in text
    assert f'--cfg-options {KEY}.split=' in text


def test_other_backends_are_not_checked(folder_cfg):
    cfg = dict(folder_cfg['labeled'], data_root='s3://bucket/voc')
    check_paths(cfg, KEY)
    check_paths(dict(cfg, data_root='voc', backend_args=dict(backend='petrel')), KEY)


def test_split_is_written_into_both_sources_and_the_config_is_left_alone():
    cfg = dict(labeled=dict(ann_file='old'), unlabeled=dict(img_path='x'), split='splits/1_8')
    before = copy.deepcopy(cfg)
    out = apply_split(cfg)
    assert out == dict(
        labeled=dict(ann_file='splits/1_8/labeled.txt'),
        unlabeled=dict(img_path='x', ann_file='splits/1_8/unlabeled.txt'),
    )
    assert cfg == before
    assert apply_split(dict(labeled=dict(ann_file='a'), unlabeled=None, split='s')) == dict(
        labeled=dict(ann_file='s/labeled.txt'), unlabeled=None
    )
    without = dict(labeled=dict(ann_file='old.txt'), split=None)
    assert apply_split(without) == dict(labeled=dict(ann_file='old.txt'))
