from collections.abc import Iterable

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn
from torch.optim import Optimizer

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
    ``--auto-scale-lr`` and gradient accumulation apply to each of them. Gradients cannot be
    clipped: that would couple the parts.
    """

    def _validate_cfg(self) -> None:
        self.paramwise_cfg = dict(self.paramwise_cfg)
        self.parts = self.paramwise_cfg.pop('parts', {})
        if not self.parts or any('type' not in part for part in self.parts.values()):
            raise UserError(
                'PartwiseConstructor needs optim_wrapper.paramwise_cfg.parts, such as '
                "parts=dict(discriminator=dict(type='Adam', lr=1e-4)): for each part an optimizer "
                'with its type.'
            )
        if self.optim_wrapper_cfg.get('clip_grad'):
            raise UserError(
                'optim_wrapper.clip_grad would take one norm over all parts, so that a large '
                f'gradient of {", ".join(self.parts)} shrinks the step of the rest: leave it out.'
            )
        super()._validate_cfg()

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizers and join them."""
        model = getattr(model, 'module', model)  # of a model that is distributed
        parts = {name: _trained(self._part(model, name)) for name in self.parts}
        apart = {id(p) for part in parts.values() for p in part}
        groups: list[dict] = []
        self.add_params(groups, model)
        groups = [group for group in groups if id(group['params'][0]) not in apart]
        if not self.paramwise_cfg:
            groups = [dict(params=[p for group in groups for p in group['params']])]
        empty = [name for name, part in parts.items() if not part]
        if empty or not any(group['params'] for group in groups):
            raise UserError(
                f'optim_wrapper.paramwise_cfg.parts: nothing of {empty[0]} is trained.'
                if empty
                else 'optim_wrapper.paramwise_cfg.parts leaves nothing to optim_wrapper.optimizer.'
            )
        optimizers = [self._build(self.optimizer_cfg, groups)]
        optimizers += [self._build(self.parts[name], part) for name, part in parts.items()]
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
    def _build(cfg: dict, params: list) -> Optimizer:
        return OPTIMIZERS.build(dict(cfg, params=params))


def _trained(part: nn.Module) -> list[nn.Parameter]:
    return [p for p in part.parameters() if p.requires_grad]


def check_parts(model: nn.Module, optim_wrapper: OptimWrapper, schedulers: Iterable) -> None:
    """Stop before a training in which a part would learn by what was meant for another one."""
    names = getattr(getattr(optim_wrapper, 'optimizer', None), 'names', ())
    for name in getattr(model, 'own_optimizers', ()):
        if name not in names:
            raise UserError(
                f"{type(model).__name__}'s {name} needs an optimizer of its own: "
                "optim_wrapper=dict(constructor='PartwiseConstructor', paramwise_cfg=dict("
                f"parts=dict({name}=dict(type='Adam', lr=1e-4)))) in the config."
            )
    if names and any(getattr(one, 'eta_min', None) for one in schedulers or ()):
        raise UserError(
            f'param_scheduler has an eta_min, which is one number for {", ".join(names)} and all '
            'else: where it is above a rate, that rate would rise. Set it to 0.'
        )
