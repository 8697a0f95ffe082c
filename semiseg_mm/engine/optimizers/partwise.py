from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from semiseg_mm.utils import nearest

from .joint_optimizer import JointOptimizer


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PartwiseConstructor(DefaultOptimWrapperConstructor):
    """Give parts of a model an optimizer of their own: a discriminator its Adam.

    ``paramwise_cfg.parts`` has a config of an optimizer for each such part, an auxiliary or a
    network of the model by its name. All else has ``optim_wrapper.optimizer`` and the other keys
    of ``paramwise_cfg``. They step together after one backward pass; schedulers,
    ``--auto-scale-lr`` and gradient accumulation apply to each of them.
    """

    def _validate_cfg(self) -> None:
        self.paramwise_cfg = dict(self.paramwise_cfg)
        self.parts = self.paramwise_cfg.pop('parts', {})
        if not self.parts:
            raise UserError(
                'PartwiseConstructor needs optim_wrapper.paramwise_cfg.parts, such as '
                "parts=dict(discriminator=dict(type='Adam', lr=1e-4))."
            )
        super()._validate_cfg()

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizers and join them."""
        model = getattr(model, 'module', model)  # of a model that is distributed
        parts = {name: self._part(model, name) for name in self.parts}
        apart = {id(p) for part in parts.values() for p in part.parameters()}
        groups: list[dict] = []
        self.add_params(groups, model)
        groups = [group for group in groups if id(group['params'][0]) not in apart]
        if not self.paramwise_cfg:
            groups = [dict(params=[p for group in groups for p in group['params']])]
        optimizers = [self._build(self.optimizer_cfg, groups)]
        for name, part in parts.items():
            trained = [p for p in part.parameters() if p.requires_grad]
            optimizers.append(self._build(self.parts[name], trained))
        wrapper = dict(dict(type='OptimWrapper'), **self.optim_wrapper_cfg)
        joint = JointOptimizer(*optimizers, names=list(parts))
        return OPTIM_WRAPPERS.build(wrapper, default_args=dict(optimizer=joint))

    def _part(self, model: nn.Module, name: str) -> nn.Module:
        known = {
            key: module
            for group in ('auxiliaries', 'networks')
            for key, module in getattr(model, group, nn.ModuleDict()).items()
        }
        if name not in known:
            raise UserError(
                f"optim_wrapper.paramwise_cfg.parts has '{name}', which is no part of "
                f'{type(model).__name__}: it has {", ".join(known)}.{nearest(name, known)}'
            )
        return known[name]

    @staticmethod
    def _build(cfg: dict, params: list):
        return OPTIMIZERS.build(dict(cfg, params=params))
