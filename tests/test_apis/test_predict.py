"""Labelling images and videos with a trained network."""

import json
import os

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image

import semiseg_mm
from semiseg_mm.apis import publish
from semiseg_mm.apis.predict import run_predict
from semiseg_mm.apis.predict.inputs import find_inputs
from semiseg_mm.apis.predict.outputs import overlay
from semiseg_mm.apis.trained_files import find_files
from semiseg_mm.datasets.shapes import render
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models.sketch import size_divisor_of, sketch
from semiseg_mm.registry import DATASETS, MODELS
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import VARIED
from semiseg_mm.utils.places import CONFIGS, METHODS


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A work dir of Mean Teacher, whose networks predict more than one class."""
    folder = tmp_path_factory.mktemp('run')
    method = Config.fromfile(METHODS / 'mean_teacher.py')
    cfg = toy_config(
        folder, dict(method.model), 3, custom_hooks=method.custom_hooks,
        **{'model.segmentor.decode_head.init_cfg': VARIED},
    )  # fmt: skip
    build_runner(cfg).train()
    (config,) = folder.glob('*.py')
    config.rename(folder / 'toy.py')
    return folder


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('photos')
    os.makedirs(folder / 'more')
    for k, name in enumerate(['a.1.png', 'a.2.png', 'more/b.png', 'more/c.png']):
        cv2.imwrite(str(folder / name), render(700 + k, (24, 24 + 4 * (k % 2)))[0])
    (folder / 'broken.jpg').write_bytes(b'no image')
    (folder / 'notes.txt').touch()
    return folder


def read(path):
    return np.array(Image.open(path))


def test_a_folder_is_labeled_under_its_own_names(run, photos, tmp_path, capsys):
    words = [run, photos, '--out', tmp_path / 'out', '--confidence', '--coco']
    assert run_predict([str(word) for word in words]) == 0
    out = tmp_path / 'out'
    network = semiseg_mm.load(run)
    seen = set()
    for name in ('a.1', 'a.2', 'more/b', 'more/c'):
        label, confidence = network.predict(photos / f'{name}.png')
        image = cv2.imread(str(photos / f'{name}.png'))
        assert label.shape == image.shape[:2]
        np.testing.assert_array_equal(read(out / f'labels/{name}.png'), label)
        np.testing.assert_array_equal(read(out / f'confidence/{name}.png'), confidence)
        drawn = cv2.imread(str(out / f'overlays/{name}.jpg')).astype(int)
        assert np.abs(drawn - overlay(image, label, network.palette)).mean() < 25  # a small JPEG
        seen |= set(label.flat)
    assert len(seen) > 1
    with Image.open(out / 'labels/a.1.png') as file:
        assert file.getpalette()[:3] == network.palette[0]
    record = json.loads((out / 'predictions.json').read_text())
    assert record['images'] == 4 and record['classes'] == list(network.classes)
    assert [item['image'] for item in record['broken']] == [str(photos / 'broken.jpg')]
    assert record['left_out'] == [str(photos / 'notes.txt')]
    printed = capsys.readouterr().out
    assert 'broken.jpg' in printed and 'notes.txt' in printed and '4 images labeled' in printed
    coco = json.loads((out / 'labels.json').read_text())
    names = [image['file_name'] for image in coco['images']]
    assert names == ['a.1.png', 'a.2.png', 'more/b.png', 'more/c.png']
    alone = [run, photos / 'more/b.png', '--out', out, '--coco', '--no-overlays']
    assert run_predict([str(word) for word in alone]) == 0  # the other label maps are older
    coco = json.loads((out / 'labels.json').read_text())
    assert [image['file_name'] for image in coco['images']] == ['b.png']


def test_labels_equal_those_of_the_validation_and_of_the_published_network(run, tmp_path):
    """Through mmseg's own way, for the network that was asked for."""
    cfg = Config.fromfile(run / 'toy.py')
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    model = MODELS.build(cfg.model)
    model.load_state_dict(safe_load(str(run / 'iter_3.pth'))['state_dict'])
    files = publish(str(run / 'toy.py'), str(run / 'iter_3.pth'), str(tmp_path / 'p'), 'teacher')
    ours = semiseg_mm.load(run / 'iter_3.pth', network='teacher')
    published = semiseg_mm.load(files[0])
    for k in range(2):
        sample = dataset[k]
        image = sample['inputs'].numpy().transpose(1, 2, 0)
        with torch.no_grad(), model.eval().predicting_on('teacher'):
            (found,) = model.test_step(pseudo_collate([sample]))
        np.testing.assert_array_equal(ours(image), found.pred_sem_seg.data[0].numpy())
        np.testing.assert_array_equal(published(image), ours(image))
    assert published.classes == ours.classes


def test_a_video_is_labeled_frame_by_frame(run, tmp_path):
    file = str(tmp_path / 'clip.mp4')
    writer = cv2.VideoWriter(file, cv2.VideoWriter_fourcc(*'mp4v'), 7, (48, 32))
    for k in range(5):
        writer.write(render(800 + k, (32, 48))[0])
    writer.release()
    words = [run, file, '--out', tmp_path / 'out', '--frames', '--batch-size', 2]
    assert run_predict([str(word) for word in words]) == 0
    network, frames, drawn = semiseg_mm.load(run), cv2.VideoCapture(file), []
    capture = cv2.VideoCapture(str(tmp_path / 'out/clip.mp4'))
    assert capture.get(cv2.CAP_PROP_FPS) == 7
    for k in range(5):
        label = network(frames.read()[1])
        np.testing.assert_array_equal(read(tmp_path / f'out/labels/clip/{k:06d}.png'), label)
        drawn.append(capture.read()[0])
    assert drawn == [True] * 5 and not capture.read()[0]


def test_a_video_that_cannot_be_read_stops_no_other(run, photos, tmp_path, monkeypatch):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in/cut.mp4').write_bytes(b'no video')
    os.link(photos / 'more/b.png', tmp_path / 'in/b.png')
    out = tmp_path / 'out'
    assert run_predict([str(run), str(tmp_path / 'in'), '--out', str(out)]) == 0
    record = json.loads((out / 'predictions.json').read_text())
    assert record['images'] == 1 and [os.path.basename(b['image']) for b in record['broken']] == [
        'cut.mp4'
    ]
    words = [run, tmp_path / 'in/cut.mp4', '--coco', '--frames', '--out', tmp_path / 'other']
    assert run_predict([str(word) for word in words]) == 1

    clip = str(tmp_path / 'clip.avi')
    writer = cv2.VideoWriter(clip, cv2.VideoWriter_fourcc(*'MJPG'), 7, (48, 32))
    writer.write(render(800, (32, 48))[0])
    writer.release()
    monkeypatch.setattr(
        'semiseg_mm.apis.predict.video.overlay', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert run_predict([str(run), clip, '--out', str(out)]) == 130
    assert not [path for path in out.rglob('*') if 'clip' in path.name]


def test_nothing_is_overwritten_but_predictions(run, photos, tmp_path, capsys):
    """Masks of a dataset, or the images themselves; the same call again does the same."""
    for kind in ('images', 'labels'):
        (tmp_path / kind).mkdir()
        os.link(photos / 'more/b.png', tmp_path / kind / 'b.png')

    def call(source, out):
        words = [run, tmp_path / source, '--out', tmp_path / out]
        return run_predict([str(word) for word in words]), capsys.readouterr()

    code, printed = call('images', '.')
    assert code == 1 and 'no predictions.json beside it' in printed.err
    for _ in range(2):
        code, printed = call('images', 'images/new')
        assert code == 0 and '1 image labeled' in printed.out
    assert '1 image labeled' in call('images/**/*.png', 'images/new')[1].out
    code, printed = call('images', 'images')
    assert code == 1 and 'is the folder of the images' in printed.err
    code, printed = call('images/new/labels', 'images/new')
    assert code == 1 and 'b.png would be overwritten by a prediction' in printed.err


@pytest.mark.parametrize(
    'error', [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_too_little_memory_is_a_sentence(run, photos, tmp_path, monkeypatch, capsys, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr('semiseg_mm.apis.predict.predict_labels', fail)
    assert run_predict([str(run), str(photos), '--out', str(tmp_path / 'out')]) == 1
    assert 'The memory does not suffice' in capsys.readouterr().err


def test_sizes_that_the_network_does_not_take(run):
    """The UNet of the leaves halves an image three times."""
    network = semiseg_mm.load(run)
    assert network.predictor.needed == 1
    leaf = Config.fromfile(CONFIGS / '_base_/models/unet_s2.py')
    assert size_divisor_of(sketch(leaf.segmentor)) == 8


def test_scales_and_flips_are_averaged(run, photos):
    plain, several = semiseg_mm.load(run), semiseg_mm.load(run, scales=[0.5, 1, 2], flip=True)
    image = cv2.imread(str(photos / 'more/b.png'))
    one, many = plain.predict(image)[1], several.predict(image)[1]
    assert one.shape == many.shape and (one != many).any()
    mirrored = np.ascontiguousarray(image[:, ::-1])
    flipped = semiseg_mm.load(run, flip=True)
    np.testing.assert_allclose(
        flipped.predict(mirrored)[1][:, ::-1].astype(int), flipped.predict(image)[1], atol=1
    )


@pytest.mark.parametrize(
    'words, said',
    [
        (['RUN', 'nowhere'], 'nowhere: there is no such file, folder or glob'),
        (['RUN', 'PHOTOS/notes.txt'], 'is neither an image'),
        (['RUN', 'PHOTOS/*.xyz'], 'there is no such file'),
        (['RUN', 'PHOTOS/broken.jpg'], 'Not one file of 1 can be read'),
        (['nowhere.pth', 'PHOTOS'], 'nowhere.pth does not exist'),
        (['RUN/toy.py', 'PHOTOS'], 'toy.py is a config, which has no weights'),
        (['PHOTOS', 'PHOTOS'], 'holds no checkpoint iter_N.pth'),
        (['RUN', 'PHOTOS', '--network', 'teache'], "Did you mean 'teacher'?"),
        (['RUN', 'PHOTOS', '--scales', '0'], 'all of them above 0'),
        (['RUN', 'PHOTOS', '--device', 'gpu'], 'device=gpu'),
        (['RUN', 'PHOTOS', '--batch-size', '0'], '--batch-size must be at least 1'),
        (['RUN', 'PHOTOS', '--opacity', '50'], '--opacity=50.0 is a share'),
    ],
)
def test_a_mistake_is_one_sentence(run, photos, tmp_path, capsys, words, said):
    words = [word.replace('RUN', str(run)).replace('PHOTOS', str(photos)) for word in words]
    assert run_predict([*words, '--out', str(tmp_path / 'out')]) == 1
    assert said in capsys.readouterr().err


def test_two_images_of_one_name_are_refused(photos, tmp_path):
    other = tmp_path / 'a.1.jpg'
    other.touch()
    with pytest.raises(UserError, match=r'both be written as a\.1'):
        find_inputs([str(photos), str(other)])


def test_which_config_belongs_to_a_checkpoint(run, tmp_path):
    checkpoint = tmp_path / 'iter_3.pth'
    os.link(run / 'iter_3.pth', checkpoint)
    with pytest.raises(UserError, match='beside it is none: name it with --config'):
        find_files(str(checkpoint), None)
    for name in ('one.py', 'two.py'):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r'beside it is one\.py, two\.py'):
        find_files(str(checkpoint), None)
    (tmp_path / 'results.json').write_text('{"config": "two.py"}')
    assert find_files(str(checkpoint), None).config == str(tmp_path / 'two.py')
    assert find_files(str(checkpoint), 'mine.py').config == 'mine.py'


def test_the_last_training_of_a_run_in_stages_predicts(run, tmp_path):
    for name in ('01_teacher', '02_labels', '03_student', '03_student.old-1'):
        (tmp_path / name).mkdir()
    for name in ('01_teacher', '03_student', '03_student.old-1'):
        os.link(run / 'iter_3.pth', tmp_path / name / 'iter_3.pth')
        (tmp_path / name / 'toy.py').touch()
    assert find_files(str(tmp_path), None).checkpoint == str(tmp_path / '03_student/iter_3.pth')


def test_weights_of_another_network_are_named(run, tmp_path):
    other = Config.fromfile(run / 'toy.py')
    other.model.segmentor.backbone.channels = 3
    other.dump(tmp_path / 'other.py')
    with pytest.raises(UserError, match=r'is not of .*other\.py'):
        semiseg_mm.load(run / 'iter_3.pth', config=str(tmp_path / 'other.py'))
