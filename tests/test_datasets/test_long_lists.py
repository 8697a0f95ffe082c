"""Lists of a million images: what a dataset keeps of an image, and how often it looks at it."""

import gc
import pickle
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from semiseg_mm.datasets import SemiDataset, UnlabeledDataset, split_lists
from semiseg_mm.datasets.broken import BrokenImages
from semiseg_mm.datasets.id_lists import first_columns, read_list
from semiseg_mm.datasets.identity import list_identity, sample_ids
from semiseg_mm.datasets.split_lists import log_splits
from semiseg_mm.errors import BrokenImage

FILES = (
    'a.jpg', 'b.PNG', 'sub/c.jpeg', 'sub/deep/d.tif', 'cam1/e.png', 'cam2/f.jpg',
    'cam2/frame.0001.png', 'my photo.jpg', 'Straße/日本 1.jpg', 'sub/été.webp',
)  # fmt: skip
LIST = (
    'sub/c.jpeg\na\n\nStraße/日本 1.jpg\nmy photo\tmasks/my photo.png\ncam2/f.jpg masks/f.png\n'
    'a\n./cam1/e.png\nsub/../b\n'
)
LISTED = [
    'sub/c.jpeg', 'a.jpg', 'Straße/日本 1.jpg', 'my photo.jpg', 'cam2/f.jpg', 'a.jpg',
    './cam1/e.png', 'sub/../b.jpg',
]  # fmt: skip
IN_LIST = (
    8,
    '92b99fd3225ce8dfc774e38260d71782a1b5b40e6e5ba98fa4f134d8fefb6269',
    'b5e7d4c57c55d75fbfacb9298f514b28488d0c2ce0fbcd5a1710f2b78947aa2d',
)
IN_FOLDER = (
    10,
    '670ba4ce762c5adaa6d9de12661590ae10ae525775fddb61caa38fe441056558',
    'cbaf48d4112a21ca12c85f149c109d016fa617a4fe53c80874279df14b888686',
)


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        file = tmp_path / 'images' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / 'list.txt').write_text(LIST, encoding='utf-8')
    (tmp_path / 'out.txt').write_text('cam2/f\nsub/été\n', encoding='utf-8')
    return tmp_path


def build(root, img_path='images', **kwargs):
    return UnlabeledDataset(data_root=str(root), img_path=img_path, **kwargs)


@pytest.mark.parametrize(
    ('kwargs', 'expected'),
    [
        (dict(), IN_FOLDER),
        (dict(img_path='images/'), IN_FOLDER),
        (dict(ann_file='list.txt'), IN_LIST),
        (dict(ann_file='list.txt', img_path=''), IN_LIST),
        (
            dict(img_path='images/**/*.jp*g'),
            (
                5,
                'dcc3b3c401f251f8dbcd71bcdb395fcc33ff588705f628bb4e942f3fd35b7d89',
                '7d8016ab2dfb278107d650d587140db34fb1077e85993ee93795242a5ef0ecd4',
            ),
        ),
        (
            dict(ann_file='list.txt', exclude='out.txt'),
            (
                7,
                'a9df6fd80847e73838e1289a2d4882ec3321316e5f14304a43bff19762c18007',
                '045e156dc4b0795609eb85152dc36c60fbb8fc2216288e3aca0f34aae5bec4dc',
            ),
        ),
        (
            dict(exclude='out.txt'),
            (
                8,
                '75cc44e236a5af3a8ed47ff0e22eb9354d23bf00d1c0f7b0d69ffd2f7a224d01',
                'aca34a7c318356e4dfa176a4c00c7e2578f7efbb2b0adc657c098950a1ee85ec',
            ),
        ),
    ],
)
@pytest.mark.parametrize('serialize', [True, False])
def test_identity_is_what_older_checkpoints_hold(root, kwargs, expected, serialize):
    """The hashes come from the code before lists were kept as bytes."""
    identity = list_identity(build(root, **kwargs, serialize_data=serialize))
    assert tuple(identity[key] for key in ('count', 'sha256', 'order')) == expected


@pytest.mark.parametrize('serialize', [True, False])
def test_items_are_what_the_list_says(root, serialize):
    dataset = build(root, ann_file='list.txt', serialize_data=serialize)
    expected = [
        dict(img_path=f'{root}/images/{name}', seg_fields=[], sample_idx=k)
        for k, name in enumerate(LISTED)
    ]
    assert [dataset.get_data_info(k) for k in range(len(dataset))] == expected
    assert [dataset.get_data_info(np.int64(-k)) for k in range(1, 9)] == expected[::-1]
    assert list(dataset.image_paths()) == [info['img_path'] for info in expected]
    dataset.get_data_info(0)['seg_fields'].append('x')
    assert dataset.get_data_info(0) == expected[0]
    for outside in (8, -9):
        with pytest.raises(IndexError):
            dataset.get_data_info(outside)


def test_parts_of_a_dataset_are_lists_too(root):
    """mmengine's own way to take a part works on the bytes."""
    whole = sample_ids(build(root))
    assert sample_ids(build(root, indices=3)) == whole[:3]
    assert sample_ids(build(root).get_subset([9, 0, 4])) == [whole[9], whole[0], whole[4]]
    assert sample_ids(build(root).get_subset(4)) == whole[:4]
    lazy = build(root, lazy_init=True)
    assert lazy.get_data_info(1)['img_path'].endswith('images/a.jpg')


def test_what_a_subclass_adds_is_kept(root):
    class More(UnlabeledDataset):
        def load_data_list(self):
            found = super().load_data_list()
            return [dict(info, caption=f'ünique {k}', kind=['x']) for k, info in enumerate(found)]

    infos = [More('images', str(root)).get_data_info(k) for k in (0, 9)]
    assert [info['caption'] for info in infos] == ['ünique 0', 'ünique 9']
    assert all(info['kind'] == ['x'] for info in infos)
    assert infos[0]['img_path'] == f'{root}/images/Straße/日本 1.jpg'

    class Numbers(UnlabeledDataset):
        def load_data_list(self):
            return [dict(info, k=k) for k, info in enumerate(super().load_data_list())]

    with pytest.raises(TypeError, match=r'must be text.*serialize_data=False'):
        Numbers('images', str(root))
    assert Numbers('images', str(root), serialize_data=False).get_data_info(9)['k'] == 9


def test_names_that_are_no_utf8_are_kept(root):
    name = b'images/\xe9.jpg'.decode(errors='surrogateescape')
    try:
        (root / name).touch()
    except OSError:
        pytest.skip('this file system knows UTF-8 names only')
    dataset = build(root)
    paths = list(dataset.image_paths())
    assert f'{root}/{name}' in paths and list_identity(dataset)['count'] == 11
    assert dataset.get_data_info(paths.index(f'{root}/{name}'))['img_path'] == f'{root}/{name}'


# ------------------------------------------------------------------ what is kept


def semi_dataset(folder_cfg, folder, count):
    lines = [f'b{k}' for k in range(count)]
    (folder / 'splits/3/unlabeled.txt').write_text('\n'.join(lines))
    dataset = SemiDataset(**folder_cfg)
    dataset.identity()
    log_splits(dataset)
    assert dataset.num_unlabeled == count
    return dataset


def reachable(start):
    """How many objects are to be found from one on, but for code."""
    seen, new = {}, [start]
    while new:
        seen.update((id(one), one) for one in new)
        found = gc.get_referents(*new)
        new = list(
            {id(one): one for one in found if id(one) not in seen and _is_data(one)}.values()
        )
    return len(seen)


def _is_data(one):
    return not isinstance(one, (type, ModuleType)) and not callable(one)


def test_no_object_is_kept_for_an_image(folder_cfg, folder):
    """In workers each would be copied, page by page, as soon as it is looked at."""
    few, many = (reachable(semi_dataset(folder_cfg, folder, count)) for count in (400, 4000))
    assert few == many


def test_an_image_takes_its_path_and_an_offset(folder_cfg, folder):
    """Nothing else is sent to a worker that is started anew."""
    few, many = (len(pickle.dumps(semi_dataset(folder_cfg, folder, n))) for n in (1000, 2000))
    path = len(f'{folder}/images/b1000.jpg')
    assert many - few <= 1000 * (path + 8) + 100
    copied = pickle.loads(pickle.dumps(semi_dataset(folder_cfg, folder, 10)))
    assert copied.results(12)[0]['img_path'] == f'{folder}/images/b9.jpg'


def test_images_are_listed_once_for_the_log_and_all_checkpoints(folder_cfg, monkeypatch):
    walks = []

    def counted(source):
        walks.append(source)
        return sample_ids(source)

    monkeypatch.setattr(split_lists, 'sample_ids', counted)
    dataset = SemiDataset(**folder_cfg)
    assert not walks
    first = dataset.identity()
    log_splits(dataset)
    assert dataset.identity() == first and walks == [dataset.labeled, dataset.unlabeled]
    expected = {k: list_identity(v) for k, v in zip(('labeled', 'unlabeled'), walks)}
    assert first == expected


def test_many_broken_images_are_a_few_bytes_each(tmp_path):
    """What another process wrote counts once."""
    ours, theirs = (BrokenImages(10**6, 0.1) for _ in range(2))
    ours.report = theirs.report = str(tmp_path / 'broken.txt')
    sizes = []
    for hundreds in (0, 1):
        for k in range(200):
            path = f'images/é {hundreds}{k % 100:02d}.jpg'
            (ours, theirs)[k % 2].add(BrokenImage(path, 'it is empty'))
        ours.read()
        theirs.read()
        lines = (tmp_path / 'broken.txt').read_text(encoding='utf-8').splitlines()
        assert len(lines) == ours.count == theirs.count == 100 * (hundreds + 1)
        sizes.append([len(pickle.dumps(one)) for one in (ours, theirs)])
    assert [after - before for before, after in zip(*sizes)] == [100 * 8] * 2
    assert reachable(vars(ours)) <= 12


def test_the_report_is_read_on_not_again(tmp_path):
    """What has been read before is not looked at: here it names other images meanwhile."""
    one, report = BrokenImages(10, 1), tmp_path / 'broken.txt'
    one.report = str(report)
    report.write_bytes(b'a.jpg\tempty\n')
    one.read()
    report.write_bytes(b'x.jpg\tempty\nb.jpg\tempty\n')
    one.read()
    assert one.count == 2
    one.add(BrokenImage('b.jpg', 'empty'))  # known
    one.add(BrokenImage('x.jpg', 'empty'))  # not known
    assert one.count == 3


def test_a_line_that_is_not_whole_yet_is_read_later(tmp_path):
    one = BrokenImages(10, 1)
    one.report = str(tmp_path / 'broken.txt')
    (tmp_path / 'broken.txt').write_bytes(b'a.jpg\tempty\nb.j')
    one.read()
    assert one.count == 1
    with open(one.report, 'ab') as file:
        file.write(b'pg\tempty\n')
    one.add(BrokenImage('b.jpg', 'empty'))
    assert one.count == 2 == len((tmp_path / 'broken.txt').read_text().splitlines())


# ------------------------------------------------------------------ one reader of lists


@pytest.mark.parametrize(
    ('line', 'expected'),
    [
        ('a', 'a'),
        ('sub/a.jpg', 'sub/a.jpg'),
        ('  a.jpg \t', 'a.jpg'),
        ('a.jpg masks/a.png', 'a.jpg'),
        ('a masks/a.png', 'a'),
        ('a.jpg,a.png', 'a.jpg'),
        ('a.jpg 1', 'a.jpg'),
        ('my photo.jpg', 'my photo.jpg'),
        ('my photo.jpg masks/my photo.png', 'my photo.jpg'),
        ('my photo\tmasks/my photo.png', 'my photo'),
        ('a\tanything at all', 'a'),
        ('Paris,_France_001', 'Paris,_France_001'),
        ('cam2/f x', 'cam2/f'),
        ('a{1}.jpg', 'a{1}.jpg'),
        ('why?.jpg masks/why?.png', 'why?.jpg'),
    ],
)
def test_first_column(line, expected):
    """As it stands in the list: suffix and folder lead to the file."""
    assert first_columns(f'\ufeff# ours\r\n{line}\r\n\n') == [expected]


def test_both_readers_of_lists_agree(tmp_path):
    path = tmp_path / 'list.txt'
    path.write_text('a.jpg m/a.png\r\n\r\n#x\rsub/b\tm/b.png\nc,c.png\nmy photo 1.jpg\n')
    paths = ['a', 'sub/b', 'c', 'my photo 1']
    assert read_list(path).paths == paths
    assert first_columns(path.read_text()) == ['a.jpg', 'sub/b', 'c', 'my photo 1.jpg']


def test_overlap_is_found_by_name_only_where_a_name_says_all():
    overlap = split_lists.overlap
    assert overlap(['JPEGImages/2007_000032.jpg'], ['2007_000032', '2007_000039']) == [
        '2007_000032'
    ]
    assert overlap(['a/1', 'b/2', 'b/2'], ['b/1', 'b/2.png', 'b/2']) == ['b/2']


def test_long_lists_are_not_compared_with_published_ones(monkeypatch):
    """Reading stops where there are more ids than any registered list has."""
    monkeypatch.setattr(split_lists, 'registry', lambda: (SimpleNamespace(unique_ids=3),))
    ids = (f'x{k}' for k in range(10))
    assert split_lists.identify_all(ids) == []
    assert next(ids) == 'x4'
