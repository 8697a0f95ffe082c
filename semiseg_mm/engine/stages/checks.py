"""What is complained about before the first stage starts."""

import os.path as osp

from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import nearest

from .stage import Stage


def check_training(stage: Stage) -> None:
    """Refuse what a TrainStage would refuse, or not notice, when its turn comes."""
    model = stage.sketch()
    if getattr(model, 'soft', False) and not stage.confidence:
        raise UserError(
            f"Stage '{stage.name}': model.soft=True needs the confidences of its labels: give it "
            'confidence=True, and the label stage, too.'
        )
    if stage.init:
        _check_start(stage, model)
    for step in stage.filters:
        _check_filter(stage, step)


def _check_start(stage: Stage, model: nn.Module) -> None:
    ours, theirs = (
        {name: value.shape for name, value in one.networks[one.predict_on].state_dict().items()}
        for one in (model, stage.run.training(stage.init).sketch())
    )
    fits = [name for name in ours if ours[name] == theirs.get(name) and len(ours[name]) > 1]
    if all('conv_seg' in name for name in fits):
        raise UserError(
            f"Stage '{stage.name}': no weight of '{stage.init}' fits its network, so it cannot "
            'start from it: leave out init, or give both the same network.'
        )


def _check_filter(stage: Stage, step: dict) -> None:
    TRANSFORMS.build(step)
    path, stages = step.get('thresholds'), stage.run.stages
    writer, _, file = str(path).partition('/')
    if writer in stages and file not in stages[writer].results():
        raise UserError(
            f"Stage '{stage.name}': its filters use {path}, which stage '{writer}' does not "
            'write: give that stage a quota, or take a threshold.'
        )
    if path and writer not in stages and not osp.isfile(path):
        raise UserError(
            f"Stage '{stage.name}': its filters use {path}, which is neither a file nor of a stage "
            f'before it ({", ".join(stages)}).{nearest(writer, stages)}'
        )


def check_prediction(stage: Stage) -> None:
    """Refuse an action's network without class probabilities."""
    model = stage.run.training(stage.teacher).sketch()
    before = model.predict_on
    try:
        stage.predictor(stage._named(model))
    finally:
        model.predict_on = before
