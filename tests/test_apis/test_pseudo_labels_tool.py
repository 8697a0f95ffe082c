"""Label maps to COCO and back; what annotation tools make of such a file; what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from semiseg_mm.apis.label_exchange import run_pseudo_labels
from semiseg_mm.apis.label_exchange.coco_masks import decode, read_runs
from semiseg_mm.utils import write_mask

CLASSES = ['sky', 'road', 'car']
PALETTE = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
IDS = ['cam1/x', 'cam2/x', 'frame.0001', 'y.png', 'z']


@pytest.fixture
def maps() -> dict[str, np.ndarray]:
    """Noise, blocks, one class, and nothing but ignored pixels; of several sizes."""
    rng = np.random.default_rng(0)
    values = np.uint8([0, 1, 2, 255])
    found = {name: rng.choice(values, (12, 17 + k)) for k, name in enumerate(IDS)}
    found['cam2/x'] = np.kron(rng.choice(values, (5, 4)), np.ones((8, 8), np.uint8))
    found['y.png'][:] = 1
    found['z'][:] = 255
    return found


@pytest.fixture
def labels(tmp_path, maps):
    for name, label in maps.items():
        path = tmp_path / f'labels/{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mask(str(path), label, PALETTE)
    return tmp_path / 'labels'


@pytest.fixture
def run(tmp_path, labels, monkeypatch, capsys):
    """Runs a command in tmp_path; returns its output, or its error as one line."""
    monkeypatch.chdir(tmp_path)

    def call(*command: str, fails: bool = False) -> str:
        assert run_pseudo_labels(list(command)) == int(fails)
        out, error = capsys.readouterr()
        assert 'Traceback' not in error and len(error.strip().splitlines()) == int(fails)
        return error.strip() if fails else out

    return call


@pytest.fixture
def exported(run, tmp_path):
    """The content of an export, and a way to import a changed one."""
    run('export', 'labels', 'out.json', '--classes', *CLASSES)
    content = json.loads((tmp_path / 'out.json').read_text())

    def load(*options: str, fails: bool = False) -> str:
        (tmp_path / 'in.json').write_text(json.dumps(content))
        return run('import', 'in.json', 'new', *options, fails=fails)

    return content, load


def read(path) -> np.ndarray:
    return np.array(Image.open(path))


def test_round_trip_is_exact(run, tmp_path, maps):
    out = run('export', 'labels', 'a/out.json', '--classes', *CLASSES)
    assert 'a/out.json: 5 images, 10 annotations, 3 categories.' in out
    out = run('import', 'a/out.json', 'new')
    assert 'new: 5 label maps' in out and '1 of the images have none' in out
    found = sorted(p.relative_to(tmp_path / 'new').as_posix() for p in tmp_path.glob('new/**/*.*'))
    assert found == sorted(f'{name}.png' for name in IDS)
    for name, label in maps.items():
        np.testing.assert_array_equal(read(tmp_path / f'new/{name}.png'), label)


def test_without_names_the_categories_are_numbers(run, tmp_path, maps):
    run('export', 'labels', 'out.json')
    content = json.loads((tmp_path / 'out.json').read_text())
    assert [c['name'] for c in content['categories']] == ['0', '1', '2']
    del content['info']  # as a tool may write it
    (tmp_path / 'out.json').write_text(json.dumps(content))
    run('import', 'out.json', 'new')
    np.testing.assert_array_equal(read(tmp_path / 'new/cam1/x.png'), maps['cam1/x'])


def test_workers_write_the_same(run, tmp_path):
    for workers in ('0', '2'):
        run('export', 'labels', f'{workers}.json', '--workers', workers)
        run('import', f'{workers}.json', f'new{workers}', '--workers', workers)
    assert (tmp_path / '0.json').read_bytes() == (tmp_path / '2.json').read_bytes()
    for name in IDS:
        one, two = (tmp_path / f'new{w}/{name}.png' for w in (0, 2))
        assert one.read_bytes() == two.read_bytes()


def test_pycocotools_reads_the_export(run, tmp_path, maps):
    run('export', 'labels', 'out.json', '--classes', *CLASSES)
    coco = COCO('out.json')
    assert coco.getCatIds(catNms=['car']) == [3]
    image = next(i for i in coco.imgs.values() if i['file_name'] == 'cam2/x')
    assert (image['height'], image['width']) == (40, 32)
    (car,) = coco.loadAnns(coco.getAnnIds(image['id'], catIds=3))
    expected = maps['cam2/x'] == 2
    np.testing.assert_array_equal(coco.annToMask(car), expected)
    rows, columns = np.nonzero(expected)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert car['bbox'] == box and car['area'] == expected.sum() and car['iscrowd'] == 1
    assert len(coco.anns) == 10 and 0 not in coco.anns


def test_images_are_named_as_they_are(run, tmp_path):
    for name in ('cam1/x.jpg', 'cam2/x.PNG', 'frame.0001.jpeg', 'y.png.bmp', 'z.webp', 'more.jpg'):
        (tmp_path / 'img' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'img' / name).touch()
    for number, images in enumerate(('img', str(tmp_path / 'img'), 'img/**/*.*')):
        run('export', 'labels', f'{number}.json', '--images', images)
        content = json.loads((tmp_path / f'{number}.json').read_text())
        names = ['cam1/x.jpg', 'cam2/x.PNG', 'frame.0001.jpeg', 'y.png.bmp', 'z.webp']
        assert [image['file_name'] for image in content['images']] == names
        run('import', f'{number}.json', f'new{number}')
        assert (tmp_path / f'new{number}/frame.0001.png').exists()
        assert (tmp_path / f'new{number}/y.png.png').exists()
    (tmp_path / 'img/z.webp').unlink()
    error = run('export', 'labels', 'x.json', '--images', 'img', fails=True)
    assert '1 of 5 label maps have no image in img, the first is z' in error
    assert 'nowhere does not exist' in run(
        'export', 'labels', 'x.json', '--images', 'nowhere', fails=True
    )
    assert not (tmp_path / 'x.json').exists()


def test_names_and_colours_of_a_config(run, tmp_path):
    labeled = "dict(type='BaseSegDataset', metainfo=dict(classes={}, palette={}))"
    labeled = labeled.format(CLASSES, PALETTE)
    (tmp_path / 'cfg.py').write_text(f'train_dataloader = dict(dataset=dict(labeled={labeled}))')
    run('export', 'labels', 'out.json', '--config', 'cfg.py')
    content = json.loads((tmp_path / 'out.json').read_text())
    assert [c['name'] for c in content['categories']] == CLASSES
    for number, options in enumerate(([], ['--config', 'cfg.py'])):
        run('import', 'out.json', f'new{number}', *options)
        assert Image.open(tmp_path / f'new{number}/y.png.png').getpalette()[3:6] == PALETTE[1]
    (tmp_path / 'bare.py').write_text('model = dict()')
    assert 'give --classes' in run('export', 'labels', 'x.json', '--config', 'bare.py', fails=True)


def test_a_file_with_corrections_is_not_overwritten_unasked(run, tmp_path):
    (tmp_path / 'out.json').write_text('corrected')
    error = run('export', 'labels', 'out.json', fails=True)
    assert 'out.json is there already' in error and '--overwrite' in error
    assert (tmp_path / 'out.json').read_text() == 'corrected'
    assert '5 images' in run('export', 'labels', 'out.json', '--overwrite')


# ------------------------------------------------------------------ corrected by hand


def test_categories_go_by_name_whatever_their_numbers(exported, maps, tmp_path):
    content, load = exported
    numbers = {1: 70, 2: 5, 3: 6}
    content['categories'] = [
        dict(id=numbers[c['id']], name=f'{c["name"]} ') for c in reversed(content['categories'])
    ]
    content['categories'].append(dict(id=1, name='unused'))
    for annotation in content['annotations']:
        annotation['category_id'] = numbers[annotation['category_id']]
    del content['info']
    error = load(fails=True)
    assert 'names its categories car, road, sky, unused' in error and '--classes' in error
    load('--classes', *CLASSES)
    np.testing.assert_array_equal(read(tmp_path / 'new/cam1/x.png'), maps['cam1/x'])


def test_a_later_annotation_lies_on_top(exported, tmp_path):
    """A car over a road over the sky; two polygons are one annotation; runs as a list."""
    content, load = exported
    image = dict(id='a', file_name='new.jpg', width=6, height=4)
    road = dict(size=[4, 6], counts=[2, 2] * 6)  # the lower half
    car = [[1, 1, 3, 1, 3, 3, 1, 3], [5, 0, 6, 0, 6, 1, 5, 1]]
    parts = [(2, road), (3, car), (1, [[0, 0, 2, 0, 2, 1, 0, 1]])]
    content.update(
        images=[image],
        annotations=[
            dict(id=k, image_id='a', category_id=c, segmentation=s)
            for k, (c, s) in enumerate(parts)
        ],
    )
    load()
    expected = [
        [0, 0, 255, 255, 255, 2],
        [255, 2, 2, 255, 255, 255],
        [1, 2, 2, 1, 1, 1],
        [1, 1, 1, 1, 1, 1],
    ]
    assert read(tmp_path / 'new/new.png').tolist() == expected
    content['annotations'].reverse()
    load('--overwrite')
    assert read(tmp_path / 'new/new.png')[2].tolist() == [1] * 6


def test_several_annotations_of_a_class_add_up(exported, tmp_path):
    content, load = exported
    content['images'] = [dict(id=1, file_name='a', width=4, height=1)]
    boxes = ([[0, 0, 1, 0, 1, 1, 0, 1]], [[2, 0, 3, 0, 3, 1, 2, 1]])
    content['annotations'] = [dict(id=1, image_id=1, category_id=1, segmentation=b) for b in boxes]
    load()
    assert read(tmp_path / 'new/a.png').tolist() == [[0, 255, 0, 255]]


def test_label_maps_are_replaced_only_if_asked(exported, tmp_path):
    content, load = exported
    load()
    before = (tmp_path / 'new/cam1/x.png').read_bytes()
    content['annotations'].clear()
    error = load(fails=True)
    assert '5 of 5 label maps are there already, new/cam1/x.png' in error and '--overwrite' in error
    assert (tmp_path / 'new/cam1/x.png').read_bytes() == before
    load('--overwrite')
    assert (read(tmp_path / 'new/cam1/x.png') == 255).all()


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    'name', ['../x', '/etc/x', 'a/../../x', '..\\x', 'C:/x', 'C:\\x', '', 'a//b', 'a/', './x']
)
def test_ids_that_lead_out_of_the_folder(exported, tmp_path, name):
    content, load = exported
    content['images'][0]['file_name'] = name
    assert 'would lead out of new' in load(fails=True)
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(category_id=9), 'cam1/x has the category 9, which is none of the classes'),
        (dict(image_id=99), 'belongs to the image 99, which is not in the file'),
        (dict(segmentation=[]), 'cam1/x has no segmentation, only a box'),
        (dict(segmentation=dict(size=[9, 9], counts='1')), r'size [9, 9], but the image cam1/x'),
        (dict(segmentation=dict(size=[12, 17], counts='zzz')), 'counts are no run lengths'),
        (dict(segmentation=dict(size=[12, 17], counts=[3, 2])), 'do not make 12 x 17 pixels'),
        (dict(segmentation=dict(size=[12, 17], counts=[300, -96])), 'do not make 12 x 17'),
        (dict(segmentation=dict(size=[12, 17], counts=[1.5, 202.5])), 'neither text nor a list'),
        (dict(segmentation=dict(size=[12, 17])), 'neither text nor a list'),
        (dict(segmentation=dict(size=None, counts='1')), 'has the size None'),
        (dict(image_id=[1]), 'belongs to the image [1], which is not in the file'),
        (dict(category_id={}), 'has the category {}, which is none'),
        (dict(segmentation=[[0, 0, 1, 1]]), 'at least three points'),
        (dict(segmentation=[[0, 0, 1, 1, 2, 2, 3]]), 'at least three points'),
        (dict(segmentation=[0, 0, 1, 1, 2, 2]), 'at least three points'),
        (dict(segmentation=[[0, 0, 1e8, 1, 2, 2]]), 'far outside of the image'),
        (dict(segmentation=[[0, 0, float('nan'), 1, 2, 2]]), 'far outside of the image'),
        (dict(segmentation=[['a', 0, 1, 1, 2, 2]]), 'could not convert string to float'),
    ],
)
def test_annotations_that_cannot_be_drawn_are_named(exported, changes, words):
    content, load = exported
    content['annotations'][0].update(changes)
    error = load(fails=True)
    assert f'in.json: the annotation {content["annotations"][0]["id"]}' in error and words in error


def test_images_that_cannot_be(exported):
    content, load = exported
    first = dict(content['images'][0])
    for changes, words in (
        (dict(width=0), 'is 0 wide and 12 high'),
        (dict(height=None), 'is 17 wide and None high'),
        (dict(width=20_000, height=20_000), 'at most (--max-pixels)'),
        (dict(id=[2]), 'has no file_name or no id'),
        (dict(file_name=None), 'has no file_name or no id'),
        (dict(file_name='cam2/x.jpg'), '2 images have the label map new/cam2/x.png'),
        (dict(id=2), '2 images have the id 2'),
    ):
        content['images'][0] = dict(first, **changes)
        assert words in load(fails=True)
    content['images'].clear()
    assert 'names no images' in load(fails=True)
    content['categories'][0]['id'] = {}
    assert 'an id that is neither' in load(fails=True)


@pytest.mark.parametrize('text', ['', '[]', '{"images": []}', '{"images": 3}', 'text', '[' * 10**5])
def test_files_that_are_no_coco(run, tmp_path, text):
    (tmp_path / 'bad.json').write_text(text)
    assert 'bad.json' in run('import', 'bad.json', 'new', fails=True)
    assert 'none.json cannot be read' in run('import', 'none.json', 'new', fails=True)


def test_a_link_does_not_lead_label_maps_elsewhere(exported, tmp_path):
    _, load = exported
    for folder in ('new', 'elsewhere'):
        (tmp_path / folder).mkdir()
    (tmp_path / 'new/cam1').symlink_to(tmp_path / 'elsewhere')
    assert 'cam1 leads out of new' in load(fails=True)
    assert not any((tmp_path / 'elsewhere').iterdir())
    (tmp_path / 'new/cam1').unlink()
    (tmp_path / 'new').rename(tmp_path / 'real')
    (tmp_path / 'new').symlink_to('real')  # the folder itself may be a link
    load()


def test_folders_of_a_label_stage(run, tmp_path, labels):
    """Its labels are exported; but what is written there, the stage would make again."""
    labels.rename(tmp_path / 'parked')
    (tmp_path / '02_labels').mkdir()
    (tmp_path / 'parked').rename(tmp_path / '02_labels/labels')
    (tmp_path / '02_labels/manifest.json').write_text('{}')
    (tmp_path / '02_labels/confidence').mkdir()
    write_mask(str(tmp_path / '02_labels/confidence/z.png'), np.zeros((3, 3), np.uint8))
    assert '5 images' in run('export', '02_labels', 'out.json')
    for folder in ('02_labels', '02_labels/labels', '02_labels/labels/'):
        error = run('import', 'out.json', folder, '--overwrite', fails=True)
        assert 'belongs to a label stage' in error


def test_label_maps_that_cannot_be_exported(run, tmp_path, labels):
    error = run('export', 'labels', 'out.json', '--classes', 'sky', 'road', fails=True)
    assert 'holds the label 2, but there are names for 2 classes' in error
    (labels / 'z.png').write_bytes(b'')
    assert 'labels/z.png cannot be read' in run('export', 'labels', 'out.json', fails=True)
    Image.fromarray(np.zeros((3, 3, 3), np.uint8)).save(labels / 'z.png')
    assert 'labels/z.png is no label map' in run('export', 'labels', 'out.json', fails=True)
    (tmp_path / 'empty').mkdir()
    assert 'empty holds no label maps' in run('export', 'empty', 'out.json', fails=True)
    assert 'nowhere does not exist' in run('export', 'nowhere', 'out.json', fails=True)
    assert not (tmp_path / 'out.json').exists()


# ------------------------------------------------------------------ run lengths


def test_packed_runs_by_hand():
    """The fourth run is packed as 3 - 2, the fifth as 8 - 2: differences to the last but one."""
    mask = np.zeros((4, 5), np.uint8, order='F')
    mask.ravel('K')[5:7] = 1
    mask.ravel('K')[9:12] = 1
    counts = coco_mask.encode(mask)['counts'].decode()
    assert counts == '52216' and read_runs(counts).tolist() == [5, 2, 2, 3, 8]


@pytest.mark.parametrize('seed', range(6))
def test_runs_of_masks_of_all_kinds(seed):
    """Long runs need several letters, shorter ones than before a minus sign."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 300, 2)
    mask = rng.random((height, width)) < rng.choice([0, 0.001, 0.1, 0.5, 1])
    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    packed = dict(size=[height, width], counts=rle['counts'].decode())
    np.testing.assert_array_equal(decode(packed, height, width), mask)
    plain = dict(size=[height, width], counts=read_runs(packed['counts']).tolist())
    np.testing.assert_array_equal(decode(plain, height, width), mask)
