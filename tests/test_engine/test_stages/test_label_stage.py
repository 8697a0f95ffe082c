"""Labelling a folder of images: broken ones, truth, corrections by hand, a full disk."""

import errno
import json
import os
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from semiseg_mm.datasets.shapes import CLASSES, render
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS
from semiseg_mm.testing.stages import contents, redone, run_stages, said, toy_stages
from semiseg_mm.utils import atomic, label_png
from semiseg_mm.utils.places import CONFIGS


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """Ten scenes as files, in two folders with the same names, and their masks."""
    folder = tmp_path_factory.mktemp('data')
    for k in range(10):
        name = f'{"ab"[k % 2]}/{k // 2}'
        image, mask = render(500 + k, (24, 24 + 2 * (k % 3)))
        for kind, content, suffix in (('images', image, 'jpg'), ('masks', mask, 'png')):
            os.makedirs(folder / kind / name[0], exist_ok=True)
            cv2.imwrite(str(folder / kind / f'{name}.{suffix}'), content)
    return folder


@pytest.fixture
def folder(images, tmp_path):
    return shutil.copytree(images, tmp_path / 'data')


def over(folder, work_dir, method='st', **options):
    """The toy run with that folder as its unlabeled images; ``options`` are the label stage's."""
    cfg = toy_stages(work_dir, method, max_iters=2)
    dataset = cfg.train_dataloader.dataset
    pipeline = dataset.unlabeled.pipeline
    dataset.unlabeled = dict(
        type='UnlabeledDataset',
        img_path=str(folder / 'images'),
        pipeline=[dict(type='LoadImage'), *pipeline[1:]],
    )
    cfg.stages[1].update(options)
    return cfg


def truth_of(folder):
    return dict(
        type='BaseSegDataset',
        data_prefix=dict(img_path=str(folder / 'images'), seg_map_path=str(folder / 'masks')),
        metainfo=dict(classes=CLASSES),
        pipeline=[dict(type='LoadAnnotations')],
    )


@pytest.fixture(scope='module')
def trained(images, tmp_path_factory):
    """ST over the folder, to the end."""
    folder = tmp_path_factory.mktemp('st') / 'run'
    run_stages(over(images, folder))
    return folder


@pytest.fixture
def work_dir(trained, tmp_path):
    """With the teacher alone."""
    return shutil.copytree(trained / '01_teacher', tmp_path / 'run/01_teacher').parent


# ------------------------------------------------------------------ what is stored


def test_labels_have_the_images_sizes_and_colours_and_do_not_collide(trained, images):
    ids = (trained / '02_labels/images.txt').read_text().split()
    assert ids == [f'{one}/{k}' for one in 'ab' for k in range(5)]
    for name in ids:
        with Image.open(trained / f'02_labels/labels/{name}.png') as label:
            height, width = cv2.imread(str(images / f'images/{name}.jpg')).shape[:2]
            assert label.mode == 'P' and label.size == (width, height)
            assert np.array(label).max() < len(CLASSES)
    assert not (trained / '02_labels/confidence').exists()


def test_confidences_and_thresholds_for_a_student(work_dir, images):
    cfg = over(images, work_dir, confidence=True, quota=0.5)
    cfg.stages[2].filters = [dict(type='IgnoreUncertain', thresholds='labels/thresholds.json')]
    run_stages(cfg)
    kept = json.loads((work_dir / '02_labels/quality.json').read_text())['kept']
    assert kept['coverage'] == pytest.approx(0.5, abs=0.01)
    with Image.open(work_dir / '02_labels/confidence/a/0.png') as confidence:
        assert confidence.mode == 'L' and np.array(confidence).min() >= 255 // len(CLASSES)
    cfg.stages[1].quota = 0.4  # the labels are the same, the thresholds not
    lines = run_stages(cfg)
    assert redone(lines) == ['02_labels', '03_student']
    moved = shutil.move(work_dir, work_dir.with_name('moved'))
    cfg.work_dir = str(moved)
    assert redone(run_stages(cfg)) == []


def done_until_labels(cfg):
    """The student's images after the label stage, without its training."""
    runner = build_runner(cfg)
    for name in ('teacher', 'labels'):
        runner.stages[name]()
    return DATASETS.build(runner.stages['student'].cfg.train_dataloader.dataset.unlabeled)


@pytest.mark.parametrize('name', ['my image 1', '#1', 'v1.5', os.fsdecode(b'caf\xe9')])
def test_names_of_all_kinds_reach_the_student(work_dir, folder, name):
    for one in 'ab':
        try:
            os.rename(folder / f'images/{one}/0.jpg', folder / f'images/{one}/{name}.jpg')
        except OSError:
            pytest.skip('this disk takes no such names')
    (folder / 'images/a').rename(folder / 'images/#a')
    student = done_until_labels(over(folder, work_dir))
    assert len(student) == 10
    paths = {student.get_data_info(k)['seg_map_path'] for k in range(10)}
    assert str(work_dir / f'02_labels/labels/#a/{name}.png') in paths
    stage = build_runner(over(folder, work_dir)).stages['labels']
    stage.images = 'labels/images.txt'  # as a later stage may have it
    assert len(stage.source) == 10


def test_labels_keep_the_images_size_where_the_network_sees_it_resized(work_dir, folder):
    cfg = over(folder, work_dir, confidence=True)
    fit = dict(type='Resize', scale=(8, 12), keep_ratio=False)
    cfg.train_dataloader.dataset.unlabeled.pipeline.insert(1, fit)
    cfg.stages[2].confidence = True
    student = done_until_labels(cfg)
    label = cv2.imread(str(work_dir / '02_labels/labels/a/1.png'), -1)
    assert label.shape[:2] == cv2.imread(str(folder / 'images/a/1.jpg')).shape[:2]
    # marked halves arrive with the image, resized as it is
    for k in range(len(student)):
        info = student.get_data_info(k)
        for file, values in ((info['seg_map_path'], (1, 2)), (info['confidence_path'], (7, 9))):
            marks = np.full(cv2.imread(file).shape[:2], values[0], np.uint8)
            marks[:, marks.shape[1] // 2 :] = values[1]
            Image.fromarray(marks).save(file)
        results = dict(info, num_classes=7)
        for step in student.pipeline.transforms[:5]:  # before ScaleCrop
            results = step(results)
        expected = np.repeat([1, 2], 4)[None].repeat(12, 0)
        assert results['img'].shape[:2] == (12, 8)
        assert np.array_equal(results['gt_seg_map'], expected)
        assert np.array_equal(results['confidence'], np.array([0, 7, 9])[expected])


def test_a_changed_image_is_labeled_again(trained, folder, tmp_path):
    work_dir = shutil.copytree(trained, tmp_path / 'run')
    labels = build_runner(over(folder, work_dir)).stages['labels']
    kept = work_dir / '02_labels/labels/b/4.png'
    before, time = labels.fingerprint(), kept.stat().st_mtime_ns
    os.utime(folder / 'images/a/0.jpg', (0, 1000))
    assert labels.damage() == (
        '1 of 3 parts are no longer as they were written, 1 of them because images were changed'
    )
    labels()
    assert labels.damage() is None and labels.fingerprint() == before  # a copy of the data, say
    cv2.imwrite(str(folder / 'images/a/0.jpg'), np.zeros((30, 30, 3), np.uint8))
    labels()
    assert labels.damage() is None and labels.fingerprint() != before
    with Image.open(work_dir / '02_labels/labels/a/0.png') as label:
        assert label.size == (30, 30)
    assert kept.stat().st_mtime_ns == time  # of another part


def test_two_images_of_one_label_map_are_refused_before_the_teacher(folder, tmp_path):
    shutil.copy(folder / 'images/a/0.jpg', folder / 'images/a/0.png')
    for method in ('st', 'st_plus_plus'):
        with pytest.raises(UserError, match=r'0\.jpg and .*0\.png would share the label map'):
            run_stages(over(folder, tmp_path / 'run', method))
        assert not (tmp_path / 'run/01_teacher').exists()


# ------------------------------------------------------------------ broken images


def test_a_broken_image_is_left_out_and_listed(work_dir, folder):
    path = folder / 'images/b/3.jpg'
    path.write_bytes(path.read_bytes()[:300])
    cfg = over(folder, work_dir)
    lines = run_stages(cfg)
    assert any('02_labels done: images 9, broken 1' in line for line in lines)
    broken = (work_dir / '02_labels/broken.txt').read_text()
    assert broken.startswith('b/3\t') and len(broken.splitlines()) == 1
    assert 'b/3' not in (work_dir / '02_labels/images.txt').read_text()
    assert not (work_dir / '02_labels/labels/b/3.png').exists()
    assert not (work_dir / '03_student/broken_images.txt').exists()  # it never asked for it


def test_too_many_broken_images_stop_the_stage_until_they_are_mended(trained, work_dir, folder):
    whole = {}
    for name in ('a/1', 'b/3'):
        path = folder / f'images/{name}.jpg'
        whole[path] = path.read_bytes()
        path.write_bytes(whole[path][:300])
    with pytest.raises(UserError, match=r'2 of 10 images cannot be read; .*broken\.txt\. Mend'):
        run_stages(over(folder, work_dir))
    for path, content in whole.items():
        path.write_bytes(content)
    run_stages(over(folder, work_dir))
    labels = '02_labels/labels.tsv'
    assert (work_dir / labels).read_text() == (trained / labels).read_text()


# ------------------------------------------------------------------ truth


def test_quality_equals_a_computation_by_hand(work_dir, images):
    """A class that is in neither does not count."""
    run_stages(over(images, work_dir, truth=truth_of(images)))
    report = json.loads((work_dir / '02_labels/quality.json').read_text())
    both, either, right, total = np.zeros(7), np.zeros(7), 0, 0
    for name in (work_dir / '02_labels/images.txt').read_text().split():
        label = np.array(Image.open(work_dir / f'02_labels/labels/{name}.png'))
        mask = cv2.imread(str(images / f'masks/{name}.png'), -1)
        right, total = right + (label == mask).sum(), total + mask.size
        for k in range(7):
            both[k] += ((label == k) & (mask == k)).sum()
            either[k] += ((label == k) | (mask == k)).sum()
    assert report['mIoU'] == pytest.approx((both / either)[either > 0].mean(), abs=1e-6)
    assert report['accuracy'] == pytest.approx(right / total, abs=1e-6)
    assert report['coverage'] == 1 and report['pixels'] == total


def test_truth_without_some_of_the_images(work_dir, folder):
    for kind, suffix in (('images', 'jpg'), ('masks', 'png')):
        os.makedirs(folder / f'less/{kind}/b')
        shutil.copy(folder / f'{kind}/b/1.{suffix}', folder / f'less/{kind}/b/1.{suffix}')
    cfg = over(folder, work_dir, truth=truth_of(folder / 'less'))
    with pytest.raises(UserError, match='no labels for 9 of 10 images, such as a/0; it has some'):
        run_stages(cfg)
    assert not (work_dir / '02_labels/labels').exists()


def test_without_truth_no_mask_of_an_unlabeled_image_is_needed(trained, work_dir, folder):
    shutil.rmtree(folder / 'masks')
    run_stages(over(folder, work_dir))
    labels = '02_labels/labels.tsv'
    assert (work_dir / labels).read_text() == (trained / labels).read_text()


# ------------------------------------------------------------------ labels from a folder


def test_a_student_of_corrected_labels(work_dir, images, trained, tmp_path):
    """A folder alone; then for some images the folder, for the others the stage."""
    corrected = shutil.copytree(trained / '02_labels/labels', tmp_path / 'corrected')
    cfg = over(images, work_dir)
    cfg.stages[2].labels = [str(corrected)]
    lines = run_stages(cfg)
    assert '03_student' in redone(lines) and redone(run_stages(cfg)) == []
    Image.fromarray(np.full((24, 24), 6, np.uint8)).save(corrected / 'a/0.png')
    lines = run_stages(cfg)
    assert f"takes from '{corrected}' has changed" in said(lines, '03_student')
    shutil.rmtree(corrected / 'b')
    cfg.stages[2].labels = [str(corrected), 'labels']
    lines = run_stages(cfg)
    assert redone(lines) == ['03_student']
    student = build_runner(cfg).stages['student'].cfg.train_dataloader.dataset.unlabeled
    infos = [DATASETS.build(student).get_data_info(k)['seg_map_path'] for k in range(10)]
    assert [str(corrected) in path for path in infos] == [True] * 5 + [False] * 5


def test_a_label_that_was_edited_in_its_place_is_not_lost(trained, tmp_path, images):
    work_dir = shutil.copytree(trained, tmp_path / 'run')
    path = work_dir / '02_labels/labels/a/0.png'
    Image.fromarray(np.full((24, 24), 6, np.uint8)).save(path)
    drawn = path.read_bytes()
    lines = run_stages(over(images, work_dir))
    assert redone(lines) == ['02_labels']
    assert (work_dir / '02_labels/edited/a/0.png').read_bytes() == drawn
    assert any('a/0.png was edited: it is now' in line for line in lines)
    assert path.read_bytes() == (trained / '02_labels/labels/a/0.png').read_bytes()


def test_labels_that_a_folder_lacks(work_dir, images, trained, tmp_path):
    corrected = shutil.copytree(trained / '02_labels/labels', tmp_path / 'corrected')
    cfg = over(images, work_dir)
    cfg.stages[2].labels = [str(corrected)]
    (corrected / 'a/2.png').unlink()
    with pytest.raises(UserError, match='1 of 10 images have no label map'):
        run_stages(cfg)
    cfg.stages[2].filters = [dict(type='IgnoreUncertain', threshold=0.9)]
    with pytest.raises(UserError, match='has no confidences: leave these options out'):
        run_stages(cfg)


# ------------------------------------------------------------------ a full disk


def test_a_full_disk_is_a_sentence_and_the_next_call_goes_on(
    trained, work_dir, images, monkeypatch
):
    names, full = [], 'labels/b/1.png'
    replace = os.replace

    def fill(part, path):
        names.append(path)
        if path.endswith(full):
            raise OSError(errno.ENOSPC, 'No space left on device')
        replace(part, path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, 'replace', fill)
        with pytest.raises(UserError, match=r'02_labels/labels/b/1\.png could not be written'):
            run_stages(over(images, work_dir))
    assert not list(work_dir.rglob('.*.part')) and not list(work_dir.rglob(full))
    assert json.loads((work_dir / '02_labels/manifest.json').read_text())['status'] == 'running'
    written = []
    write = label_png.write_mask
    monkeypatch.setattr(
        'semiseg_mm.engine.stages.label.write_mask',
        lambda path, *rest, **kw: (written.append(path), write(path, *rest, **kw)),
    )
    run_stages(over(images, work_dir))
    assert 0 < len(written) < 10
    assert contents(work_dir / '02_labels') == contents(trained / '02_labels')
    assert contents(work_dir / '03_student') == contents(trained / '03_student')


def test_a_network_that_takes_some_sizes_alone_labels_and_ranks_all_images(images, tmp_path):
    """The images are 24 to 28 wide and are seen at half their size, too."""
    cfg = over(images, tmp_path / 'run', 'st_plus_plus')
    cfg.model.segmentor = Config.fromfile(CONFIGS / '_base_/models/unet_s2.py').segmentor
    runner = build_runner(cfg)
    assert {s._needed for s in runner.stages.values() if hasattr(s, 'size_divisor')} == {8}
    runner.train()
    labels = list((tmp_path / 'run').glob('*/labels/*/*.png'))
    assert len(labels) >= 10
    for label in labels:
        image = images / 'images' / label.parent.name / f'{label.stem}.jpg'
        assert Image.open(label).size == Image.open(image).size
    ranking = (tmp_path / 'run/02_ranking/ranking.csv').read_text().splitlines()
    assert len(ranking) == 1 + 10


def test_what_the_network_needs_joins_the_divisor_that_is_given(images, tmp_path):
    cfg = over(images, tmp_path / 'run', size_divisor=12)
    cfg.model.segmentor = Config.fromfile(CONFIGS / '_base_/models/unet_s2.py').segmentor
    stage = build_runner(cfg).stages['labels']
    predictor = stage.predictor(stage.run.training('teacher').sketch())
    assert predictor._sizes(torch.empty(1, 3, 40, 48)) == [(48, 48)]
