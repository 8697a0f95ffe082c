import re

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS

BACKBONE = re.compile(r'(?:^|.*\.)backbone\.(.+)')
BLOCK = re.compile(r'(?:blocks|layers|stages)\.(\d+)\.')
FIRST = ('patch_embed.', 'cls_token', 'pos_embed')
UNDECAYED = ('cls_token', 'pos_embed')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerWiseConstructor(DefaultOptimWrapperConstructor):
    """Rates that fall from block to block of each trained network's backbone.

    mmseg's constructor of this kind reads names that start with ``backbone.``, of ConvNeXt, BEiT
    and MAE; here the networks stand below ``networks.<name>.``. Blocks are those of a ViT (mmseg's,
    BEiT, MAE, DINOv2); of SegFormer and Swin they are the stages. Norms, biases, the class token
    and position embeddings do not decay.

    ``paramwise_cfg`` has ``decay_rate``, the factor from one block to the one before it, and
    ``backbone_lr_mult`` (1), that of the last block. Heads and necks have the rate itself.
    """

    def _validate_cfg(self) -> None:
        known = {'decay_rate', 'backbone_lr_mult'}
        if 'decay_rate' not in self.paramwise_cfg or not known.issuperset(self.paramwise_cfg):
            raise UserError(
                'With LayerWiseConstructor, optim_wrapper.paramwise_cfg has decay_rate and, if '
                f'wanted, backbone_lr_mult; it has {", ".join(self.paramwise_cfg) or "neither"}.'
            )

    def add_params(self, params: list[dict], module: nn.Module, **_) -> None:
        trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        places = {name: _place(name) for name in trained}
        depth = max((place for place in places.values() if place is not None), default=0)
        if not depth:
            raise UserError(
                'LayerWiseConstructor finds no blocks in the backbone: take '
                'paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=…))) without it.'
            )
        rate, top = self.paramwise_cfg['decay_rate'], self.paramwise_cfg.get('backbone_lr_mult', 1)
        groups: dict[tuple, dict] = {}
        for name, p in trained.items():
            factor = 1.0
            if BACKBONE.match(name):
                place = places[name]
                factor = top * rate ** (depth - (depth if place is None else place))
            group = dict(lr=self.base_lr * factor)
            if self.base_wd is not None:
                undecayed = p.ndim <= 1 or name.rpartition('.')[2] in UNDECAYED
                group['weight_decay'] = 0.0 if undecayed else self.base_wd
            groups.setdefault(tuple(group.values()), dict(group, params=[]))['params'].append(p)
        params.extend(groups.values())


def _place(name: str) -> int | None:
    """0 for the embedding, k for the k-th block, None for the rest (and other parts)."""
    inside = BACKBONE.match(name)
    if inside and inside[1].startswith(FIRST):
        return 0
    block = BLOCK.match(inside[1]) if inside else None
    return int(block[1]) + 1 if block else None
