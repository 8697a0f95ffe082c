from collections.abc import Sequence

from torch.optim import Optimizer

from semiseg_mm.errors import UserError


class JointOptimizer(Optimizer):
    """Let several optimizers, each with its own parameters, step, save and resume as one.

    They share one list of parameter groups and one state. So a scheduler, a gradient scaler, a
    checkpoint and a hook see a single optimizer, in torch's own format.

    Args:
        optimizers: The first one's defaults are taken for the base learning rate.
        names: The parts of the model that all but the first one move.
    """

    def __init__(self, *optimizers: Optimizer, names: Sequence[str] = ()) -> None:
        self.optimizers = optimizers
        self.names = tuple(names)
        for own in optimizers:
            for group in own.param_groups:
                group['optimizer'] = type(own).__name__  # stored, and compared when resuming
        super().__init__([group for own in optimizers for group in own.param_groups], {})
        self.defaults = optimizers[0].defaults
        self._share()

    def _share(self) -> None:
        """Let the optimizers work on this one's groups and state."""
        groups = iter(self.param_groups)
        for own in self.optimizers:
            own.param_groups = [next(groups) for _ in own.param_groups]
            own.state = self.state

    def step(self, closure=None) -> None:
        """Let each optimizer step on its own parameters."""
        if closure is not None:
            raise ValueError('JointOptimizer takes no closure: its optimizers would repeat it.')
        for own in self.optimizers:
            own.step()

    def load_state_dict(self, state_dict: dict) -> None:
        """Go on from a checkpoint of the same optimizers."""
        before, now = (
            [group.get('optimizer') for group in groups]
            for groups in (state_dict['param_groups'], self.param_groups)
        )
        if before != now:
            raise UserError(
                f'The checkpoint was made with the optimizers {_listed(before)}, this run has '
                f'{_listed(now)}: restore optim_wrapper, or start anew.'
            )
        super().load_state_dict(state_dict)
        self._share()


def _listed(kinds: list) -> str:
    return ', '.join(str(kind) for kind in dict.fromkeys(kinds))
