from .networks_loop import NetworksTestLoop, NetworksValLoop
from .semi_train_loop import SemiTrainLoop

__all__ = ['NetworksTestLoop', 'NetworksValLoop', 'SemiTrainLoop']
