"""Files of annotation tools become label maps; the samples are written by hand."""

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from semiseg_mm.apis.new.annotations import draw, kind_of, read_annotations
from semiseg_mm.apis.new.labels import find_labels
from semiseg_mm.errors import UserError

CAT = np.zeros((6, 8), bool)
CAT[1:4, 2:5] = True  # what the polygon 2,1 5,1 5,4 2,4 covers
DOG = np.zeros((6, 8), bool)
DOG[4:6, 0:3] = [[1, 1, 0], [0, 1, 1]]
SQUARE = [2, 1, 5, 1, 5, 4, 2, 4]
PAIRS = [[2, 1], [5, 1], [5, 4], [2, 4]]


def png(mask: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, 'PNG')
    return file.getvalue()


def labelme(folder):
    text = base64.b64encode(png(DOG[4:6, :3])).decode()
    shapes = [dict(label='cat', shape_type='polygon', points=PAIRS)]
    shapes += [dict(label='dog', shape_type='mask', points=[[0, 4], [2, 5]], mask=text)]
    shapes += [dict(label='tail', shape_type='line', points=PAIRS[:2])]
    content = dict(shapes=shapes, imagePath='..\\a.jpg', imageHeight=6, imageWidth=8)
    (folder / 'a.json').write_text(json.dumps(content))


def coco(folder):
    runs = np.flatnonzero(np.diff(np.r_[0, DOG.T.ravel(), 0])).tolist()
    ends = [0, *runs, DOG.size]
    rle = dict(size=[6, 8], counts=np.diff(ends).tolist())
    common = dict(image_id=7)
    content = dict(
        images=[dict(id=7, file_name='x/a.jpg', height=6, width=8)],
        categories=[dict(id=3, name='cat'), dict(id=11, name='dog')],
        annotations=[
            dict(common, id=1, category_id=3, segmentation=[SQUARE], iscrowd=0),
            dict(common, id=2, category_id=11, segmentation=rle, iscrowd=1),
        ],
    )
    (folder / 'instances.json').write_text(json.dumps(content))


def cvat(folder):
    points = ';'.join(f'{x}.00,{y}.00' for x, y in PAIRS)
    (folder / 'annotations.xml').write_text(
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task>'
        '<labels><label><name>cat</name></label><label><name>dog</name></label></labels></task>'
        '</meta><image id="0" name="x/a.jpg" width="8" height="6">'
        '<mask label="dog" rle="0, 2, 2, 2" left="0" top="4" width="3" height="2" z_order="1"/>'
        '<box label="dog" xtl="2" ytl="1" xbr="4" ybr="3" z_order="-1"/>'
        f'<polygon label="cat" points="{points}" z_order="0"/>'
        '<polyline label="tail" points="1,1;2,2"/></image></annotations>'
    )


def supervisely(folder):
    data = base64.b64encode(zlib.compress(png(DOG[4:6, :3]))).decode()
    objects = [
        dict(classTitle='cat', geometryType='polygon', points=dict(exterior=PAIRS, interior=[])),
        dict(classTitle='dog', geometryType='bitmap', bitmap=dict(data=data, origin=[0, 4])),
        dict(classTitle='tail', geometryType='line', points=dict(exterior=PAIRS[:2], interior=[])),
    ]
    content = dict(objects=objects, size=dict(height=6, width=8))
    (folder / 'ann').mkdir()
    (folder / 'ann/a.jpg.json').write_text(json.dumps(content))
    (folder / 'meta.json').write_text(json.dumps(dict(classes=[])))


WRITERS = dict(labelme=labelme, coco=coco, cvat=cvat, supervisely=supervisely)


@pytest.fixture(params=WRITERS)
def annotated(request, tmp_path):
    """A folder with the photo a.jpg, and one with its annotations in each format."""
    photos, folder = tmp_path / 'photos', tmp_path / 'annotations'
    photos.mkdir()
    folder.mkdir()
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(photos / 'a.jpg')
    WRITERS[request.param](folder)
    return request.param, photos, folder


@pytest.mark.parametrize('rest', ['background', 'ignore'])
def test_shapes_become_labels(rest, annotated):
    kind, photos, folder = annotated
    assert kind_of(str(folder))[0] == kind
    found = find_labels([(str(photos), str(folder))], {}, rest=rest)
    first = int(rest == 'background')
    assert found.names == [*['background'] * first, 'cat', 'dog']
    (label,) = found.folders[0].labels.values()
    expected = np.where(CAT, first, np.where(DOG, first + 1, 0 if first else 255))
    np.testing.assert_array_equal(label(), expected)


def test_the_order_of_the_classes_can_be_chosen_but_none_left_out(annotated):
    _, photos, folder = annotated
    folders = [(str(photos), str(folder))]
    found = find_labels(folders, {}, names=['dog', 'cat'])
    assert found.names == ['background', 'dog', 'cat']
    with pytest.raises(UserError, match='lacks dog'):
        find_labels(folders, {}, names=['cat'])


def test_holes_are_cut_out_and_boxes_turned(tmp_path):
    hole = dict(exterior=[[0, 0], [8, 0], [8, 6], [0, 6]], interior=[PAIRS])
    item = dict(classTitle='cat', geometryType='polygon', points=hole)
    (tmp_path / 'a.jpg.json').write_text(
        json.dumps(dict(objects=[item], size=dict(height=6, width=8)))
    )
    (one,), _ = read_annotations(*kind_of(str(tmp_path)))
    np.testing.assert_array_equal(draw(one, {'cat': 1}, 0, (6, 8)), ~CAT)
    (tmp_path / 'a.jpg.json').unlink()
    (tmp_path / 'a.xml').write_text(
        '<annotations><image name="a" width="8" height="6"><box label="cat" xtl="2" ytl="2" '
        'xbr="6" ybr="4" rotation="90"/></image></annotations>'
    )
    (one,), _ = read_annotations(*kind_of(str(tmp_path)))
    expected = np.zeros((6, 8), bool)
    expected[1:5, 3:5] = True
    np.testing.assert_array_equal(draw(one, {'cat': 1}, 0, (6, 8)), expected)


@pytest.mark.parametrize(
    'text, words',
    [
        ('{"shapes": [{"label": "a", "points": 3}], "imagePath": "a"}', 'is not the labelme file'),
        ('{"shapes": [', 'cannot be read as JSON'),
        ('{"objects": [{"geometryType": "bitmap"}], "size": {}}', 'is not the supervisely file'),
        ('{"version": 1}', 'is in no known format'),
    ],
)
def test_damaged_files_are_one_sentence(text, words, tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_annotations(*kind_of(str(path)))


def test_shapes_that_make_no_mask_name_the_file(tmp_path):
    (tmp_path / 'a.xml').write_text(
        '<annotations><image name="a" width="8" height="6"><mask label="cat" rle="1, 2" left="0" '
        'top="0" width="3" height="2"/></image></annotations>'
    )
    with pytest.raises(UserError, match=r'a\.xml .*do not make 3 x 2 pixels'):
        read_annotations(*kind_of(str(tmp_path)))
    (tmp_path / 'a.xml').write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotations></annotations>')
    with pytest.raises(UserError, match='defines entities'):
        read_annotations(*kind_of(str(tmp_path)))
