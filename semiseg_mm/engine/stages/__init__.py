from .label import LabelStage
from .rank import RankStage
from .rounds import expand_rounds
from .stage import Stage
from .train import TrainStage

__all__ = ['LabelStage', 'RankStage', 'Stage', 'TrainStage', 'expand_rounds']
