import json
from argparse import Namespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm

from semiseg_mm.apis.benchmark import run_benchmark
from semiseg_mm.apis.benchmark.iteration import bare_step
from semiseg_mm.apis.benchmark.measure import compare
from semiseg_mm.apis.benchmark.straight import STRAIGHT
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import ToyBackbone, toy_batch, toy_network
from semiseg_mm.utils.places import METHODS


@pytest.mark.parametrize(
    ('arguments', 'names'),
    [
        (['data', '--images', '1'], ['2048x1024 PNG, crop 801', '2 strong views, antialiased']),
        (['models'], ['Mean Teacher', 'CPS + CutMix', 'skip']),
    ],
)
def test_it_prints_what_was_measured(arguments, names, capsys):
    """Runs, on few images; what the figures are is for people to read, not for a test."""
    assert run_benchmark([*arguments, '--rounds', '1']) == 0
    printed = capsys.readouterr().out
    for name in names:
        assert name in printed


def test_a_folder_of_ones_own(make_folder, capsys):
    folder = make_folder(1, 3, (40, 60), 2)
    own = ['--folder', str(folder / 'more'), '--crop', '32', '--rounds', '1']
    assert run_benchmark(['data', *own]) == 0
    assert 'more, crop 32' in capsys.readouterr().out
    assert run_benchmark(['data', '--folder', str(folder)]) == 1
    assert 'No image (.jpg' in capsys.readouterr().err


def test_variants_take_turns_under_the_same_seed():
    """So that what is random in them is the same work."""
    drawn = [[], []]
    seconds = compare(3, *(lambda own=own: own.append(np.random.rand()) for own in drawn))
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 4
    assert all(value > 0 for value in seconds)


def test_a_step_beside_straight_line_code(tmp_path, monkeypatch, capsys):
    """Methods without such code are measured alone; the file has what the table shows."""
    monkeypatch.chdir(tmp_path)
    few = ['--rounds', '1', '--steps', '1', '--size', '16', '--batch', '2', '--model', 'toy']
    names = ['--methods', 'unimatch', 'u2pl']
    assert run_benchmark(['step', *few, *names]) == 0
    printed = capsys.readouterr()
    assert 'u2pl has no straight-line code yet' in printed.out + printed.err
    one, other = json.loads((tmp_path / 'step.json').read_text())['rows']
    assert one['ratio'] == pytest.approx(one['ms'] / one['straight'])
    assert one['waits'] == '0' and other['ratio'] is None and other['places']
    assert run_benchmark(['step', '--methods', 'unimach']) == 1
    assert "Did you mean 'unimatch'?" in capsys.readouterr().err


def test_straight_line_code_has_the_passes_of_its_method(monkeypatch):
    """As many images, in train and eval mode, through as many forwards of the backbone as ours."""
    seen = []
    forward = ToyBackbone.forward
    monkeypatch.setattr(
        ToyBackbone,
        'forward',
        lambda own, x: (
            seen.append((own.training, torch.is_grad_enabled(), len(x))) or forward(own, x)
        ),
    )
    args = Namespace(model='toy', size=16, batch=2, depth=None)
    for name, loss in STRAIGHT.items():
        cfg = Config.fromfile(METHODS / f'{name}.py')
        model = MODELS.build(dict(cfg.model, segmentor=toy_network(21)))
        model = revert_sync_batchnorm(model).train()
        seen[:] = []
        bare_step(loss, 'fp32', args)()
        straight, seen[:] = sorted(seen), []
        views = () if name == 'sup_only' else cfg.views
        batch = model.data_preprocessor(toy_batch(2, 2, 16, 21, views=views), True)
        model(**batch, mode='loss')
        assert sorted(seen) == straight, name
        seen[:] = []
