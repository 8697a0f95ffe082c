"""ST++'s ranking against one computed image by image."""

import csv
import json

import numpy as np
import pytest
import torch

from semiseg_mm.datasets.shapes import CLASSES, render
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.testing.stages import toy_stages


def rows_of(path):
    with open(path / '02_ranking/ranking.csv') as file:
        return list(csv.DictReader(file))


def test_scores_are_those_of_the_definition(finished):
    """Mean over two checkpoints of the mean IoU, over classes in either, with the last one."""
    model = build_runner(toy_stages(finished)).stages['teacher'].cfg.model
    networks = []
    for step in (2, 4, 6):
        network = MODELS.build(model).eval()
        network.load_state_dict(safe_load(finished / f'01_teacher/iter_{step}.pth')['state_dict'])
        networks.append(network)
    for row in rows_of(finished):
        image, _ = render(int(row['image'].split('/')[-1]), (24, 24))
        inputs = [torch.from_numpy(image.transpose(2, 0, 1).copy())]
        with torch.no_grad():
            labels = []
            for network in networks:
                batch = network.data_preprocessor(dict(inputs=inputs), False)['inputs']
                logits = network.networks['student'].encode_decode(
                    batch, [dict(img_shape=(24, 24))]
                )
                labels.append(logits.argmax(1)[0, :24, :24].numpy())
        scores = []
        for label in labels[:2]:
            ious = [
                ((label == k) & (labels[2] == k)).sum() / either.sum()
                for k in range(len(CLASSES))
                if (either := (label == k) | (labels[2] == k)).any()
            ]
            scores.append(np.mean(ious))
        assert [float(row['iou_2']), float(row['iou_4'])] == pytest.approx(scores)
        assert float(row['score']) == pytest.approx(np.mean(scores))


def test_the_best_come_first_and_equal_ones_by_name(tmp_path, finished):
    rows = rows_of(finished)
    order = [(-float(row['score']), row['image']) for row in rows]
    assert order == sorted(order) and len({score for score, _ in order}) > 5
    stage = build_runner(toy_stages(tmp_path)).stages['ranking']
    (tmp_path / '02_ranking').mkdir()
    same = [dict(rows=[('b', [0.5, 0.7]), ('a', [0.7, 0.5]), ('c', [1.0, 1.0]), ('d', [0, 0])])]
    stage.merge(same)
    assert [row['image'] for row in rows_of(tmp_path)] == ['c', 'a', 'b', 'd']
    assert (tmp_path / '02_ranking/reliable.txt').read_text().split() == ['c', 'a']
    assert (tmp_path / '02_ranking/rest.txt').read_text().split() == ['b', 'd']


def test_a_share_of_nothing(tmp_path):
    cfg = toy_stages(tmp_path)
    cfg.stages[1].share = 0.01
    stage = build_runner(cfg).stages['ranking']
    with pytest.raises(UserError, match=r'share=0\.01 of 2 images is none'):
        stage.merge([dict(rows=[('a', [0.5]), ('b', [0.5])])])


def test_images_may_be_seen_at_another_scale(tmp_path, monkeypatch):
    cfg, seen = toy_stages(tmp_path), []
    cfg.stages[1].scales = (0.5,)
    stage = build_runner(cfg).stages['ranking']
    assert stage.settings()['scales'] == [0.5]
    ranked = 'semiseg_mm.engine.stages.rank.predict_agreement'
    monkeypatch.setattr(
        ranked, lambda source, chunks, predictors, *_, **__: seen.extend(predictors)
    )
    stage.work([MODELS.build(stage.teacher_config.model)] * 2, [])
    assert [predictor.scales for predictor in seen] == [(0.5,), (0.5,)]


def test_the_result_is_in_the_manifest(finished):
    result = json.loads((finished / '02_ranking/manifest.json').read_text())['result']
    rows = rows_of(finished)
    assert result['images'] == 11 and result['reliable'] == 5
    assert result['lowest_reliable'] == pytest.approx(float(rows[4]['score']), abs=1e-4)
    assert (finished / '02_ranking/ranking.png').exists()
