import math
import re

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from semiseg_mm.errors import UserError
from semiseg_mm.models.recompute import recomputed
from semiseg_mm.registry import MODELS, WEIGHT_INITIALIZERS

from .renamed_weights import RenamedWeights

STEM = 32
STAGES = (  # blocks, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
OUTPUT_STRIDES = (8, 16, 32)
CLASSIFIER = ('_conv_head', '_bn1', '_fc')  # names in efficientnet_lite_pytorch, and ours
IN_STEM = dict(_conv_stem='stem.0', _bn0='stem.1')
IN_BLOCKS = dict(_expand_conv='expand.0', _depthwise_conv='filter.0', _project_conv='project.0')
IN_BLOCKS |= dict(_bn0='expand.1', _bn1='filter.1', _bn2='project.1')


class HalvingConv(nn.Conv2d):
    """Take the odd places, as TensorFlow does where a side is even.

    Where it is odd, TensorFlow takes the even ones; here the places of a feature map do not depend
    on the size of the image, and an export need not ask for it.
    """

    def forward(self, x: Tensor) -> Tensor:
        after = self.kernel_size[0] // 2
        return super().forward(F.pad(x, (after - 1, after) * 2))


def _layer(
    norm_cfg: dict,
    channels: tuple[int, int],
    kernel: int = 1,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return a convolution and its norm."""
    if stride == 1:
        spread = dict(padding=dilation * (kernel // 2), dilation=dilation, groups=groups)
        conv = nn.Conv2d(*channels, kernel, bias=False, **spread)
    else:
        conv = HalvingConv(*channels, kernel, stride=stride, groups=groups, bias=False)
    return nn.Sequential(conv, build_norm_layer(norm_cfg, channels[1])[1])


class InvertedResidual(nn.Module):
    """Widen by a 1x1 convolution, filter each channel, and narrow without an activation."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int,
        stride: int,
        dilation: int,
        expansion: int,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        wide = channels[0] * expansion
        self.expand = _layer(norm_cfg, (channels[0], wide)) if expansion > 1 else None
        spread = dict(stride=stride, dilation=dilation, groups=wide)
        self.filter = _layer(norm_cfg, (wide, wide), kernel, **spread)
        self.project = _layer(norm_cfg, (wide, channels[1]))
        self.act = nn.ReLU6(inplace=True)
        self.residual = stride == 1 and channels[0] == channels[1]

    def forward(self, x: Tensor) -> Tensor:
        out = x if self.expand is None else self.act(self.expand(x))
        out = self.project(self.act(self.filter(out)))
        return out + x if self.residual else out


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite: EfficientNet (arXiv:1905.11946) with ReLU6 and without squeezing.

    The default is Lite0. (Channels, stride) of the outputs 0 to 6: (16, 2), (24, 4), (40, 8),
    (80, 16), (112, 16), (192, 32), (320, 32). 3.4 million weights, 0.7 million up to output 4.
    ``PretrainedEfficientNetLite`` starts it from weights trained on ImageNet.

    Args:
        width: Multiplies the channels behind the stem; they remain multiples of 8. Lite1 to Lite4
            have 1.0, 1.1, 1.2, 1.4.
        depth: Multiplies the blocks of all stages but the first and the last. Lite1 to Lite4 have
            1.1, 1.2, 1.4, 1.8.
        out_indices: Stages whose output is given; none is built behind the last of them.
        output_stride: 8, 16 or 32. Where it is reached, dilation takes the place of a stride, so
            the weights of stride 32 fit.
        norm_cfg: The published weights belong to an eps of 1e-3.
        norm_eval: Keep the running statistics of the norms.
        frozen_stages: Stages that are not trained: 0 is the stem alone, -1 none.
        with_cp: Recompute blocks in the backward pass, to save memory.
    """

    def __init__(
        self,
        in_channels: int = 3,
        width: float = 1.0,
        depth: float = 1.0,
        out_indices: tuple[int, ...] = (1, 2, 4, 6),
        output_stride: int = 32,
        norm_cfg: dict = dict(type='BN', eps=1e-3, momentum=0.01, requires_grad=True),
        norm_eval: bool = False,
        frozen_stages: int = -1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        default = [
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        ]
        super().__init__(init_cfg or default)
        if output_stride not in OUTPUT_STRIDES:
            raise UserError(f'EfficientNetLite: output_stride={output_stride} must be 8, 16 or 32.')
        self.out_indices, self.with_cp = out_indices, with_cp
        self.norm_eval, self.frozen_stages = norm_eval, frozen_stages
        self.act = nn.ReLU6(inplace=True)
        self.stem = _layer(norm_cfg, (in_channels, STEM), 3, stride=2)
        self.stages = nn.ModuleList()
        channels, reached, dilation = STEM, 2, 1
        for i, (blocks, kernel, stride, expansion, base) in enumerate(STAGES):
            if i > max(out_indices):
                break
            narrow, before = _scaled(base, width), dilation
            if reached * stride > output_stride:
                dilation, stride = dilation * stride, 1
            reached *= stride
            if 0 < i < len(STAGES) - 1:
                blocks = math.ceil(blocks * depth)
            stage = nn.ModuleList()
            for block in range(blocks):
                spread = (stride, before) if block == 0 else (1, dilation)
                both = (channels, narrow)
                stage.append(InvertedResidual(both, kernel, *spread, expansion, norm_cfg))
                channels = narrow
            self.stages.append(stage)
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, outs = self.act(self.stem(x)), []
        for i, stage in enumerate(self.stages):
            for block in stage:
                x = recomputed(block, block, x) if self.with_cp and x.requires_grad else block(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> 'EfficientNetLite':
        """Change the mode, but for what is frozen and for norms that keep their statistics."""
        super().train(mode)
        frozen = [self.stem, *self.stages[: self.frozen_stages]] if self.frozen_stages >= 0 else []
        for part in frozen:
            part.eval().requires_grad_(False)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


def _scaled(channels: int, width: float) -> int:
    """Return a multiple of 8, at least 0.9 of the exact number."""
    exact = channels * width
    found = max(8, int(exact + 4) // 8 * 8)
    return found + 8 if found < 0.9 * exact else found


@WEIGHT_INITIALIZERS.register_module()
class PretrainedEfficientNetLite(RenamedWeights):
    """Start an EfficientNetLite from a file with the names of ``efficientnet_lite_pytorch``.

    Every weight must find its place. The classifier, and stages behind the last one that the
    backbone has, are left out.

    Args:
        checkpoint: File, URL, or package://NAME/PATH for a file of an installed package.
        prefix: What stands before the names of the backbone, as in a trained network.
    """

    other_shapes = 'Set width and depth as the file has them; bands beside RGB have no weights.'
    other_names = (
        'PretrainedEfficientNetLite wants a file with the names of efficientnet_lite_pytorch (a '
        "prefix, if they have one); one with the backbone's names wants init_cfg.type='Pretrained'."
    )

    def renamed(self, state: dict[str, Tensor], module: nn.Module) -> dict[str, Tensor]:
        places = [f'stages.{i}.{k}' for i, s in enumerate(module.stages) for k in range(len(s))]
        named = ((_own_name(key, places), value) for key, value in state.items())
        return {key: value for key, value in named if key}


def _own_name(key: str, places: list[str]) -> str | None:
    """Return a weight's name here, None if it is left out; a name that is not known stays."""
    if block := re.match(r'_blocks\.(\d+)\.(\w+)\.(\w+)$', key):
        number, part, kind = int(block[1]), block[2], block[3]
        if part in IN_BLOCKS:
            return f'{places[number]}.{IN_BLOCKS[part]}.{kind}' if number < len(places) else None
    part, _, kind = key.partition('.')
    if part in CLASSIFIER:
        return None
    return f'{IN_STEM[part]}.{kind}' if part in IN_STEM else key
