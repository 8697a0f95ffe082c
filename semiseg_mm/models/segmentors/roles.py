from collections.abc import Iterable, Mapping

import torch
from mmengine.model import BaseModel, ModuleDict
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_choice

from .loading import unwrap_checkpoint
from .windows import use_windows


class ModelWithRoles(BaseModel):
    """Hold networks and modules beside them (auxiliaries), each by its name and with a role.

    Some are trained by gradient. A teacher follows another one as its running mean, and a guide
    never changes: both stay in eval mode.

    Args:
        networks: For each network its config.
        teachers: For each network that follows another one, that other one.
        data_preprocessor: Its config.
    """

    def __init__(
        self, networks: Mapping[str, dict], teachers: Mapping[str, str], data_preprocessor: dict
    ) -> None:
        super().__init__(data_preprocessor)
        self.networks = ModuleDict({name: MODELS.build(cfg) for name, cfg in networks.items()})
        for network in self.networks.values():
            use_windows(network)
        self.auxiliaries = ModuleDict({})
        self.teachers = dict(teachers)  # follower -> leader, auxiliaries included
        self.guides: list[str] = []  # auxiliaries that never change
        self.own_optimizers: list[str] = []  # auxiliaries that have one
        self.teachers_begin: float | None = None  # the share that MeanTeacherHook.begin must be
        self.teachers_turns: int | None = None  # and how many its turns must be
        self.register_buffer('teacher_steps', torch.zeros((), dtype=torch.long))  # the hook counts
        for name in self.teachers:
            self.networks[name].requires_grad_(False)
        self.sync_teachers()

    def add_auxiliary(
        self,
        name: str,
        module: dict | nn.Module,
        follows: str | None = None,
        trained: bool = True,
        own_optimizer: bool = False,
        **derived,
    ) -> None:
        """Put a module beside the networks: a projector, a discriminator, a frozen guide, …

        It is initialised (``init_cfg``), trained, stored and resumed with them, but never validated
        or published. It stands in ``self.auxiliaries[name]``, and there alone.

        Args:
            module: The module, or its config.
            follows: The auxiliary whose running mean it is: a teacher's projector follows the
                student's. ``MeanTeacherHook`` moves it.
            trained: Whether it learns. If not it is a guide: it stays what it is, in eval mode. Its
                checkpoint is a plain one, or one of this package that holds one network.
            own_optimizer: Whether it must not share the networks' optimizer (a discriminator): the
                train loop then asks for one.
            derived: Arguments that the method knows and the config leaves out.
        """
        if name in self.networks or name in self.auxiliaries:
            raise UserError(f"There are two modules '{name}': give the auxiliary another name.")
        if follows is not None:
            check_choice('follows', follows, [*self.networks, *self.auxiliaries], name)
        if own_optimizer and (follows is not None or not trained):
            raise UserError(f"'{name}' is not trained, so it has no use for an own optimizer.")
        built = module if isinstance(module, nn.Module) else MODELS.build({**derived, **module})
        self.auxiliaries[name] = built
        self.own_optimizers += [name] * own_optimizer
        if follows is not None:
            self.teachers[name] = follows
            built.load_state_dict(self.module_of(follows).state_dict())
        elif not trained:
            self.guides.append(name)
            built._register_load_state_dict_pre_hook(unwrap_checkpoint, with_module=True)
        if follows is not None or not trained:
            built.requires_grad_(False)

    def module_of(self, name: str) -> nn.Module:
        """Return a network or an auxiliary."""
        check_choice('The module', name, [*self.networks, *self.auxiliaries])
        return self.networks[name] if name in self.networks else self.auxiliaries[name]

    def followers(self, turn: int | None = None) -> Iterable[tuple[nn.Module, nn.Module]]:
        """Return each module that ``MeanTeacherHook`` moves, with the one that it follows.

        Args:
            turn: Only those that move in this turn of the training; here all, in each.
        """
        return [(self.module_of(own), self.module_of(to)) for own, to in self.teachers.items()]

    def sync_teachers(self) -> None:
        """Make every follower equal to the one that it follows."""
        for own, leader in self.teachers.items():
            self.module_of(own).load_state_dict(self.module_of(leader).state_dict())

    @property
    def students(self) -> list[str]:
        """Return the networks that are trained by gradient."""
        return [name for name in self.networks if name not in self.teachers]

    def init_weights(self) -> None:
        """Initialise the trained networks and all else that has an ``init_cfg``."""
        for name in self.students:
            self.networks[name].init_weights()
        own = [m for name, m in self.auxiliaries.items() if name not in self.teachers]
        beside = [m for m in self.children() if m not in (self.networks, self.auxiliaries)]
        for module in (*own, *beside):
            if hasattr(module, 'init_weights'):
                module.init_weights()
        self.sync_teachers()

    def train(self, mode: bool = True) -> 'ModelWithRoles':
        super().train(mode)
        for name in (*self.teachers, *self.guides):  # the runner calls train() in every iteration
            self.module_of(name).eval()
        return self
