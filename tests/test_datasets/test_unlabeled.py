from pathlib import Path

import pytest

from semiseg_mm.datasets import UnlabeledDataset
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.identity import ids_hash, list_identity, sample_ids
from semiseg_mm.errors import UserError

FILES = ('a.jpg', 'b.PNG', 'sub/c.jpeg', 'sub/deep/d.tif', 'cam1/e.png', 'cam2/f.jpg')
OTHERS = ('notes.txt', 'a.json', 'sub/c.jpg.part', '.hidden')


@pytest.fixture
def root(tmp_path):
    for name in FILES + OTHERS:
        file = tmp_path / 'images' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def paths(root, **kwargs):
    defaults = dict(data_root=str(root), img_path='images', serialize_data=False)
    dataset = UnlabeledDataset(**dict(defaults, **kwargs))
    found = [Path(dataset.get_data_info(k)['img_path']) for k in range(len(dataset))]
    return [p.relative_to(root / 'images').as_posix() for p in found]


def test_folder_is_searched_recursively_for_images_of_all_kinds(root):
    assert paths(root) == sorted(FILES)


def test_links_in_a_circle_are_left_out(root):
    """A link to another folder is followed, however often; one to itself is none."""
    images = root / 'images'
    (root / 'other').mkdir()
    (root / 'other/x.png').touch()
    for name, target in {'up': '.', 'sub/back': '../..', 'self.jpg': 'self.jpg'}.items():
        (images / name).symlink_to(target)
    for name in ('one', 'two'):
        (images / name).symlink_to(root / 'other')
    assert paths(root) == sorted([*FILES, 'one/x.png', 'two/x.png'])
    with pytest.raises(UserError, match=r'The link .* leads back to a folder .* remove it'):
        paths(root, img_path='images/**/*.png')
    labeled = dict(data_root=str(root), data_prefix=dict(img_path='images', seg_map_path='images'))
    with pytest.raises(UserError, match=r'The link .* leads back to a folder .* remove it'):
        check_paths(labeled, 'train_dataloader.dataset.labeled')


def test_absolute_folder_needs_no_root(root):
    assert paths(root, data_root='', img_path=str(root / 'images')) == sorted(FILES)


@pytest.mark.parametrize(
    ('pattern', 'expected'),
    [
        ('cam?/*', ['cam1/e.png', 'cam2/f.jpg']),
        ('*.jpg', ['a.jpg']),
        ('**/*.jp*g', ['a.jpg', 'cam2/f.jpg', 'sub/c.jpeg']),
        ('sub/*', ['sub/c.jpeg']),
    ],
)
def test_glob(root, pattern, expected):
    """Folders and files that are no images are left out, as they are without a glob."""
    assert paths(root, img_path=f'images/{pattern}') == expected


def write(root, text, name='list.txt'):
    (root / name).write_text(text)
    return name


@pytest.mark.parametrize(
    'text',
    [
        'a\ncam2/f\nsub/c.jpeg\n',
        'a.jpg\ncam2/f.jpg\nsub/c.jpeg',
        'a.jpg masks/a.png\ncam2/f.jpg masks/f.png\nsub/c.jpeg masks/c.png\n',
        'a.jpg\tmasks/a.png\n\n  cam2/f\n\nsub/c.jpeg  \r\n',
    ],
    ids=['mixed', 'suffixes', 'two columns', 'untidy'],
)
def test_id_list(root, text):
    assert paths(root, ann_file=write(root, text)) == ['a.jpg', 'cam2/f.jpg', 'sub/c.jpeg']


def test_id_list_with_another_suffix(root):
    listed = write(root, 'cam1/e\nframe.0001\n')
    expected = ['cam1/e.png', 'frame.0001.png']  # a dot in a name is no suffix
    assert paths(root, ann_file=listed, img_suffix='.png') == expected


def test_excluded_images_are_left_out_of_a_folder(root):
    one, two = write(root, 'a\n', 'one.txt'), write(root, 'sub/c.jpeg\ncam2/f x\n', 'two.txt')
    assert paths(root, exclude=one) == sorted(set(FILES) - {'a.jpg'})
    left = sorted({'b.PNG', 'sub/deep/d.tif', 'cam1/e.png'})
    assert paths(root, exclude=[one, str(root / two)]) == left


def test_names_may_hold_spaces(root):
    """With the suffix, or with tabs between the columns."""
    (root / 'images/my photo.jpg').write_bytes(b'')
    for line in ('my photo.jpg\n', 'my photo\tmy photo.png\n'):
        assert paths(root, ann_file=write(root, line)) == ['my photo.jpg']


def test_brackets_in_the_data_root_are_no_wildcards(root):
    moved = root.rename(root.parent / 'data [new]')
    assert paths(moved, img_path='images/cam*/*') == ['cam1/e.png', 'cam2/f.jpg']
    assert len(paths(moved)) == len(FILES)


def test_excluded_images_are_left_out_of_a_list(root):
    listed, out = write(root, 'a\ncam2/f.jpg\n'), write(root, 'a.jpg', 'out.txt')
    assert paths(root, ann_file=listed, exclude=out) == ['cam2/f.jpg']


def test_excluded_images_are_left_out_of_a_glob(root):
    out = write(root, 'a\nsub/c.jpeg\n', 'out.txt')
    assert paths(root, img_path='images/**/*.jp*g', exclude=out) == ['cam2/f.jpg']


def test_an_excluded_id_without_suffix_means_the_image_whatever_its_suffix(root):
    """Labeled ids are usually written without one: a .png must not slip through."""
    out = write(root, 'cam1/e\nsub/c\n', 'out.txt')
    assert paths(root, exclude=out) == sorted(set(FILES) - {'cam1/e.png', 'sub/c.jpeg'})


def test_exclude_list_beside_a_root_of_the_same_beginning(root, monkeypatch):
    """'images_out.txt' lies below the root 'images', not beside it."""
    monkeypatch.chdir(root)
    (root / 'images/images_out.txt').write_text('a\n')
    dataset = UnlabeledDataset(data_root='images', img_path='', exclude='images_out.txt')
    assert len(dataset) == len(FILES) - 1


def test_empty_folder_is_refused_with_its_name(root):
    (root / 'empty').mkdir()
    (root / 'empty/notes.txt').touch()
    with pytest.raises(UserError, match=f'{root}/empty'):
        paths(root, img_path='empty')
    with pytest.raises(UserError, match=r'images/\*\.gif'):
        paths(root, img_path='images/*.gif')
    with pytest.raises(UserError, match='no_ids'):
        paths(root, ann_file=write(root, '\n', 'no_ids'))


def test_missing_list_is_refused_with_its_name(root):
    with pytest.raises(UserError, match=f'{root}/no_such.txt does not exist'):
        paths(root, ann_file='no_such.txt')
    with pytest.raises(UserError, match=f'{root}/no_such.txt does not exist'):
        paths(root, exclude='no_such.txt')


def test_excluding_everything_is_refused(root):
    everything = write(root, '\n'.join(FILES))
    with pytest.raises(UserError, match='No unlabeled image'):
        paths(root, exclude=everything)


def test_hash_by_hand():
    """printf 'a\\nb\\n' | sha256sum; order and repetition do not count."""
    expected = '911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2'
    assert ids_hash(['a', 'b']) == ids_hash(['b', 'a', 'b']) == expected
    assert ids_hash(['a', 'c']) != expected


@pytest.mark.parametrize('img_path', ['images', 'images/**/*.jp*g'])
def test_identity_does_not_depend_on_where_the_data_lies(root, img_path):
    first = UnlabeledDataset(data_root=str(root), img_path=img_path)
    identity = list_identity(first)
    moved = root.with_name(f'{root.name}_moved')
    root.rename(moved)
    second = UnlabeledDataset(data_root=str(moved), img_path=img_path)
    assert list_identity(second) == identity
    assert identity['count'] == len(first) > 0
    assert 'sub/c' in sample_ids(second)
