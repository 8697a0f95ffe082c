"""The rules of docs/en/your_own_data.md, and that their configs load."""

import pytest

from semiseg_mm.apis.cli import load_config
from semiseg_mm.apis.new import proposal
from semiseg_mm.apis.new.config_file import config_text
from semiseg_mm.apis.new.proposal import Situation, propose
from semiseg_mm.apis.new.report import _proposed

PHOTOS = (3000, 4000)


@pytest.fixture(params=[True, False])
def reachable(request, monkeypatch):
    monkeypatch.setattr(proposal, '_at_hand', lambda weights: request.param)
    return request.param


@pytest.mark.parametrize(
    'situation, network, crop, batch, iterations',
    [
        (Situation(4, 25, PHOTOS, False), 'unet_s2', (128, 128), 8, 400),
        (Situation(4, 25, (64, 96), False), 'unet_s2', (64, 96), 8, 400),
        (Situation(4, 25, PHOTOS, True), 'deeplabv3plus_r50-d16', (384, 384), 4, 2000),
        (Situation(50, 350, PHOTOS, True), 'deeplabv3plus_r50-d16', (384, 384), 4, 8000),
        (Situation(4, 1, PHOTOS, False), 'unet_s2', (128, 128), 8, 400),
    ],
)
def test_proposals_follow_the_table_and_load(
    situation, network, crop, batch, iterations, reachable, tmp_path
):
    found = propose(situation)
    assert (found.network, found.crop, found.batch, found.iterations) == (
        network, crop, batch, iterations,
    )  # fmt: skip
    alone = situation.unlabeled < 2
    assert found.method == ('sup_only' if alone else 'cps_cutmix')
    path = tmp_path / 'it.py'
    path.write_text(config_text(found, ['a', 'b'], [(0, 0, 0), (9, 9, 9)]), encoding='utf-8')
    config = load_config(str(path))
    assert config.model.type == ('SupOnly' if alone else 'CPSSegmentor')
    assert config.train_dataloader.dataset.labeled.data_root == str(tmp_path)
    resized = [s for s in config.val_dataloader.dataset.pipeline if s['type'] == 'Resize']
    assert bool(resized) == (max(situation.size) > 1000)
    backbone = config.model.segmentor.backbone
    assert bool(backbone.get('init_cfg')) == (situation.gpu and reachable)


def test_labels_alone_are_called_so():
    said = _proposed(propose(Situation(10, 0, (64, 96), False)))
    assert 'with sup_only' in said and '8 labeled images an iteration' in said
