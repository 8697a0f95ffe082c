"""Random input for everything that reads files or words of others: it is read, or refused.

In the suite each target gets a few fixed inputs. For a long run by hand, on a target if wanted:

    FUZZ_EXAMPLES=20000 python -m pytest tests/test_fuzz.py -n 0 --timeout 0 -k masks
"""

import io
import json
import os
import pickle
import string
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from PIL import Image
from torch import nn

from semiseg_mm.apis.label_exchange.coco_import import import_labels
from semiseg_mm.apis.new.annotations import draw, kind_of, read_annotations
from semiseg_mm.apis.options import apply_options
from semiseg_mm.apis.values import check_values
from semiseg_mm.datasets.broken import BrokenImages
from semiseg_mm.datasets.centroids import CentroidIndex, load_index
from semiseg_mm.datasets.id_lists import first_columns, list_text, read_list
from semiseg_mm.datasets.split_lists import describe_list
from semiseg_mm.datasets.transforms import LoadAnnotations, LoadConfidence, LoadImage
from semiseg_mm.datasets.transforms.confidence import read_thresholds
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.resuming import obstacle
from semiseg_mm.engine.stages.label import LabelStage
from semiseg_mm.engine.stages.stage import MANIFEST, Stage
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.leaderboard import run_leaderboard
from semiseg_mm.parsers.options import parse_options
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.records import toy_record, write_records

LONG = int(os.environ.get('FUZZ_EXAMPLES', 0))
SETTINGS = settings(
    max_examples=LONG or 25,
    derandomize=not LONG,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
pytestmark = [
    pytest.mark.filterwarnings('ignore::UserWarning:PIL.*'),
    pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning'),
    pytest.mark.filterwarnings('ignore::UserWarning:torch.*'),
]
# hypothesis has tables of all of Unicode, but makes them for seconds
ODD = 'aZ09_-./\\ \t\n\r\0\x1f\x85\u2028\ufeff\ud800é漢😀"\'[](){}<>|*?,;:=#%'
TEXT = st.text(alphabet=ODD, max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def accepted(function, *args, refused=(UserError,), **kwargs):
    """The function's result, or None if it refuses the input as users are told of it."""
    try:
        return function(*args, **kwargs)
    except refused:
        return None


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with a few changed, cut off, doubled, or put elsewhere."""
    place = st.integers(0, len(whole))
    change = st.tuples(place, place, st.binary(max_size=4))

    def apply(changes):
        content = whole
        for start, end, new in changes:
            content = content[:start] + new + content[max(start, min(end, start + len(new))) :]
        return content

    cut = st.tuples(place, place).map(lambda two: whole[: two[0]] + whole[two[1] :])
    return st.lists(change, max_size=6).map(apply) | cut | st.binary(max_size=64)


def changed(value, changes=JSON) -> st.SearchStrategy:
    """A JSON value in which one part, somewhere, is another one or is gone."""
    options = [changes]
    if isinstance(value, dict):
        options += [st.just({k: v for k, v in value.items() if k != key}) for key in value]
        options += [
            changed(inner, changes).map(lambda new, key=key: {**value, key: new})
            for key, inner in value.items()
        ]
    elif isinstance(value, list):
        options += [
            changed(inner, changes).map(lambda new, k=k: [*value[:k], new, *value[k + 1 :]])
            for k, inner in enumerate(value)
        ]
    return st.one_of(options)


# ------------------------------------------------------------------ lists


LINES = st.lists(
    st.text(alphabet='ab/\\._- ,;\t#:01', max_size=12)
    | st.sampled_from(['2007_000032', 'JPEGImages/a.jpg SegmentationClass/a.png', 'a.png 3', '#'])
    | TEXT,
    max_size=6,
)


@SETTINGS
@given(LINES.map('\n'.join).map(partial(str.encode, errors='replace')) | st.binary(max_size=80))
def test_id_lists(tmp_path, content):
    path = tmp_path / 'list.txt'
    path.write_bytes(content)
    first_columns(list_text(content))
    found = accepted(read_list, path)
    if found is not None:
        assert found.ids and len(set(found.ids)) == len(found.ids) == len(found.paths)
        assert describe_list(found.ids)


@SETTINGS
@given(st.lists(TEXT.filter(bool), min_size=1, max_size=9))
def test_identification(ids):
    assert 'image' in describe_list(ids)


@SETTINGS
@given(st.binary(max_size=90) | LINES.map('\t'.join).map(partial(str.encode, errors='replace')))
def test_lists_of_broken_images(tmp_path, content):
    images = BrokenImages(10, 1.0)
    images.report = str(tmp_path / 'broken.txt')
    (tmp_path / 'broken.txt').write_bytes(content)
    images.read()
    images.add(BrokenImage('a.jpg', 'x'))
    assert images.count >= 1


# ------------------------------------------------------------------ images


def encoded(suffix: str, channels: int, dtype=np.uint8) -> bytes:
    image = np.random.default_rng(0).integers(0, 200, (6, 9, channels)).astype(dtype)
    return cv2.imencode(suffix, image.squeeze())[1].tobytes()


def palette() -> bytes:
    image, buffer = Image.new('P', (9, 6)), io.BytesIO()
    image.putpalette(list(range(256)) * 3)
    image.save(buffer, 'PNG')
    return buffer.getvalue()


IMAGES = st.sampled_from(
    [
        *(encoded(suffix, 3) for suffix in ('.jpg', '.png', '.bmp', '.tif', '.webp', '.ppm')),
        *(encoded('.png', 1, dtype) for dtype in (np.uint8, np.uint16)),
        palette(),
    ]
)
DAMAGED = IMAGES.flatmap(damaged)
SMALL = dict(max_pixels=1 << 16)  # damage can make large ones


@SETTINGS
@given(DAMAGED, st.sampled_from(['cv2', 'pillow']), st.sampled_from([None, 0.1, 0.4]))
def test_images(tmp_path, content, backend, scale):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    load = LoadImage(imdecode_backend=backend, **SMALL)
    found = accepted(load, dict(img_path=str(path), drawn_scale=scale), refused=(BrokenImage,))
    assert found is None or found['img'].ndim == 3


@SETTINGS
@given(DAMAGED, st.sampled_from(['cv2', 'pillow']))
def test_masks(tmp_path, content, backend):
    path = tmp_path / 'a.png'
    path.write_bytes(content)
    load = LoadAnnotations(imdecode_backend=backend, **SMALL)
    info = dict(seg_map_path=str(path), reduce_zero_label=False, seg_fields=[])
    found = accepted(load, info)
    assert found is None or found['gt_seg_map'].dtype == np.uint8


@SETTINGS
@given(DAMAGED)
def test_confidences(tmp_path, content):
    path = tmp_path / 'a.png'
    path.write_bytes(content)
    label = np.zeros((6, 9), np.uint8)
    found = accepted(LoadConfidence(), dict(confidence_path=str(path), gt_seg_map=label))
    assert found is None or found['confidence'].shape == (6, 9)


THRESHOLDS = {'0': dict(bin=200, share=0.5), '7': dict(bin=3, share=1)}


@SETTINGS
@given(changed(THRESHOLDS).map(json.dumps).map(str.encode) | st.binary(max_size=40))
def test_thresholds(tmp_path, content):
    path = tmp_path / f'{abs(hash(content))}.json'  # what was read is remembered by its time
    path.write_bytes(content)
    found = accepted(read_thresholds, str(path))
    assert found is None or [part.shape for part in found] == [(256,), (256,)]
    path.unlink()


# ------------------------------------------------------------------ checkpoints and caches


def stored(content) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


NETWORK = nn.Linear(2, 2)
WHOLE = dict(
    state_dict=dict(NETWORK.state_dict()),
    optimizer={},
    message_hub={},
    meta=dict(
        iter=3, epoch=0, semiseg_mm=dict(data={}, seed=1, world_size=1, batch=[1], max_iters=9)
    ),
)


@SETTINGS
@given(damaged(stored(WHOLE)) | damaged(pickle.dumps(dict(meta=dict(iter=3)))))
def test_damaged_checkpoints(tmp_path, content):
    path = tmp_path / 'iter_3.pth'
    path.write_bytes(content)
    found = accepted(safe_load, path)
    if isinstance(found, dict) and isinstance(found.get('state_dict'), dict):
        same = [torch.equal(found['state_dict'][k], v) for k, v in WHOLE['state_dict'].items()]
        assert all(same)  # a flipped bit is noticed


@SETTINGS
@given(changed(WHOLE, LEAVES | st.lists(LEAVES, max_size=2)))
def test_checkpoints_of_others(tmp_path, content):
    path = tmp_path / 'iter_3.pth'
    torch.save(content, path)
    reason = obstacle(str(path), NETWORK)
    assert reason or content['state_dict'].keys() == WHOLE['state_dict'].keys()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.arange(3, dtype=np.int32) for name in CentroidIndex._fields})
    return buffer.getvalue()


@SETTINGS
@given(damaged(npz()))
def test_caches_of_centroids(tmp_path, content):
    path = tmp_path / 'a.npz'
    path.write_bytes(content)
    found = load_index(str(path), num_images=3, num_classes=3)
    assert found is None or (found.image < 3).all()


# ------------------------------------------------------------------ JSON


COCO = dict(
    info=dict(classes=['sky', 'road'], palette=[[1, 2, 3], [4, 5, 6]]),
    images=[dict(id=1, file_name='a/x.jpg', height=4, width=6)],
    categories=[dict(id=1, name='sky'), dict(id=2, name='road')],
    annotations=[
        dict(id=1, image_id=1, category_id=1, segmentation=[[0, 0, 3, 0, 3, 3]]),
        dict(id=2, image_id=1, category_id=2, segmentation=dict(size=[4, 6], counts=[2, 22])),
        dict(id=3, image_id=1, category_id=2, segmentation=dict(size=[4, 6], counts='2h0')),
    ],
)


@SETTINGS
@given(changed(COCO))
def test_coco_files(tmp_path, content):
    path = tmp_path / 'in.json'
    path.write_text(json.dumps(content))
    accepted(import_labels, str(path), str(tmp_path / 'out'), overwrite=True, max_pixels=10_000)
    assert not list(tmp_path.glob('*.png'))


POINTS = [[0, 0], [3, 0], [3, 3]]
LABELME = dict(
    imagePath='x.jpg', imageHeight=4, imageWidth=6,
    shapes=[dict(label='sky', points=POINTS), dict(label='a', shape_type='circle', points=POINTS)],
)  # fmt: skip
SUPERVISELY = dict(
    size=dict(height=4, width=6),
    objects=[
        dict(classTitle='sky', geometryType='polygon', points=dict(exterior=POINTS, interior=[])),
        dict(classTitle='a', geometryType='bitmap', bitmap=dict(data='eJw=', origin=[0, 0])),
    ],
)
CVAT = (
    b'<annotations><image name="x.jpg" width="6" height="4"><polygon label="a" points="0,0;3,0;3,3"'
    b'/><mask label="b" rle="1,2,1" left="0" top="0" width="2" height="2"/></image></annotations>'
)


@SETTINGS
@given(st.one_of(*map(changed, (COCO, LABELME, SUPERVISELY))).map(json.dumps) | damaged(CVAT))
def test_files_of_annotation_tools(tmp_path, content):
    path = tmp_path / ('in.json' if isinstance(content, str) else 'in.xml')
    path.write_bytes(content.encode() if isinstance(content, str) else content)

    def read():
        items, names = read_annotations(*kind_of(str(path)))
        return [draw(item, dict.fromkeys(names, 1), 0, (4, 6)) for item in items]

    for label in accepted(read) or ():
        assert label.shape == (4, 6) and label.max() <= 1


class Run:
    """What a stage asks its run for."""

    work_dir = '.'
    logger = None


class Fixed(Stage):
    """A stage without work."""

    key = execute = lambda self: dict(a=[1, dict(b=2)])
    damage = lambda self: None  # noqa: E731
    fingerprint = lambda self: ''  # noqa: E731


DONE = dict(
    key=dict(a=[1, dict(b=2)]), status='done', name='x', seconds=1.5, files={}, result=dict(n=1)
)


@SETTINGS
@given(changed(DONE).map(json.dumps) | st.text(alphabet=ODD, max_size=20))
def test_manifests(tmp_path, content):
    run, stage = Run(), Fixed('x')
    run.work_dir = str(tmp_path / str(len(list(tmp_path.iterdir()))))
    stage.bind(run, 1)
    os.makedirs(stage.folder)
    with open(stage.path(MANIFEST), 'w', errors='replace') as file:
        file.write(content)
    decision = accepted(stage._decide)
    assert decision is None or decision[0] in ('todo', 'done')


RECORD = dict(ids=['a'], state='s', broken=[], files=[['a', [3, 4]]], quality=dict(classes=['x']))


@SETTINGS
@given(changed(RECORD).map(json.dumps) | st.text(alphabet=ODD, max_size=20))
def test_records_of_parts(tmp_path, content):
    stage = LabelStage('labels', teacher='x')
    run = Run()
    run.work_dir = str(tmp_path)
    stage.bind(run, 1)
    stage.__dict__['labeled'] = type('Labeled', (), dict(metainfo=dict(classes=['x'])))
    stage._source = type('Source', (), dict(ids=['a'], state=lambda self, chunk: 's'))()
    os.makedirs(stage.path('chunks'), exist_ok=True)
    with open(stage.path('chunks', '000000.json'), 'w', errors='replace') as file:
        file.write(content)
    assert stage._finished(0) in (True, False)
    stage._spare_edited([0])


# ------------------------------------------------------------------ words


PATHS = st.sampled_from(
    ['train_cfg.max_iters', 'model.weight', 'optim_wrapper.optimizer.lr', 'custom_hooks.0.type',
     'train_dataloader.dataset.crop_size', 'randomness.seed', 'stages.0.cfg.model', 'model']
)  # fmt: skip
WORDS = st.tuples(
    PATHS | st.text(alphabet=string.ascii_letters + '._-0', max_size=12),
    st.sampled_from(['=', '', '==', ' = ']),
    st.text(alphabet='()[]\'",ab1.- {}:=', max_size=10) | TEXT,
).map(''.join)


@SETTINGS
@given(st.lists(WORDS, max_size=3))
def test_options(toy, words):
    options = accepted(parse_options, words)
    if options is not None:
        cfg = Config(toy._cfg_dict.to_dict())
        if accepted(apply_options, cfg, options) is None:
            accepted(check_values, cfg)


@pytest.fixture(scope='module')
def toy():
    return toy_config('unused', dict(type='SupOnly'))


# ------------------------------------------------------------------ records of other people


@settings(SETTINGS, max_examples=LONG or 5)
@given(changed(toy_record()), changed(toy_record('sup_only', per_class={})))
def test_records_on_a_page(tmp_path, one, other):
    """A page is made of all that can be read: nothing ends in a traceback."""
    records = [toy_record(seed=1), one, toy_record('sup_only', seed=1), other, 7, None]
    write_records(tmp_path / 'runs/records.jsonl', records)
    assert run_leaderboard([str(tmp_path / 'runs'), '--out', str(tmp_path / 'page')]) in (0, 1)
    assert (tmp_path / 'page/index.html').exists()
