import re

from mmcv.cnn import build_activation_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.models.recompute import recomputed
from semiseg_mm.registry import MODELS

STEM = 64
MODULES = (  # blocks, channels of a block's convolutions: 3x3, 3x3 or 1x1, 3x3, 1x1
    (3, (128, 128)),
    (3, (256, 256)),
    (6, (512, 512)),
    (3, (512, 1024)),
    (1, (512, 1024, 2048)),
    (1, (1024, 2048, 4096)),
)


class PreActBlock(nn.Module):
    """Norm and activation before each convolution; the sum is left as it is.

    The projection, if there is one, starts behind the first activation. Dropout stands before the
    last convolution and drops whole channels.
    """

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, ...],
        stride: int,
        dilation: int,
        dropout: float,
        norm_cfg: dict,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        widths = (in_channels, *channels)
        kernels = (3, 3) if len(channels) == 2 else (1, 3, 1)
        self.norms = nn.ModuleList(build_norm_layer(norm_cfg, width)[1] for width in widths[:-1])
        self.act = build_activation_layer(act_cfg)
        self.convs = nn.ModuleList(
            nn.Conv2d(
                widths[i],
                widths[i + 1],
                kernel,
                stride=stride if i == 0 else 1,
                padding=dilation * (kernel // 2),
                dilation=dilation if kernel > 1 else 1,
                bias=False,
            )
            for i, kernel in enumerate(kernels)
        )
        self.dropout = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.proj = None
        if stride != 1 or in_channels != channels[-1]:
            self.proj = nn.Conv2d(in_channels, channels[-1], 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = self.act(self.norms[0](x))
        shortcut = x if self.proj is None else self.proj(out)
        for norm, conv in zip(self.norms[1:], self.convs[:-1]):
            out = self.act(norm(conv(out)))
        return self.convs[-1](self.dropout(out)) + shortcut


@MODELS.register_module()
class WideResNet38(BaseModule):
    """The wider, shallower ResNet of 38 layers, pre-activated, dilated to output stride 8.

    Wu et al. 2016 (arXiv:1611.10080), in the form "A2" that In-Place ABN and NVIDIA's
    semantic-segmentation use: max-pooling before the first two of its six modules, strided
    convolution in the third, dilation from the fourth on. As in NVIDIA's DeepLabV3+ the outputs
    are the sums of the blocks, without a last norm. (Channels, stride) of the outputs 0 to 5:
    (128, 2), (256, 4), (512, 8), (1024, 8), (2048, 8), (4096, 8). 105.1 million weights.

    Args:
        out_indices: Modules whose output is given; none is built behind the last of them.
        strides: Of the six modules, besides the two max-pools. (1, 1, 2, 2, 2, 1) with dilations
            of 1 is the classifier, output stride 32.
        dropouts: Of the six modules.
        final_norm: Norm and activation behind the last module, as the classifier has.
        with_cp: Recompute blocks in the backward pass, to save memory.
        width: Multiplies all channels.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_indices: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
        strides: tuple[int, ...] = (1, 1, 2, 1, 1, 1),
        dilations: tuple[int, ...] = (1, 1, 1, 2, 4, 4),
        dropouts: tuple[float, ...] = (0, 0, 0, 0, 0.3, 0.5),
        norm_cfg: dict = dict(type='BN', requires_grad=True),
        act_cfg: dict = dict(type='ReLU', inplace=True),
        final_norm: bool = False,
        with_cp: bool = False,
        width: float = 1.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        default = [
            dict(type='Kaiming', layer='Conv2d'),
            dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
        ]
        super().__init__(init_cfg or default)
        self.out_indices = out_indices
        self.with_cp = with_cp
        channels = _scaled(STEM, width)
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.ModuleList()
        for i, (blocks, inner) in enumerate(MODULES[: max(out_indices) + 1]):
            inner = tuple(_scaled(c, width) for c in inner)
            stage = nn.ModuleList()
            for block in range(blocks):
                stride = strides[i] if block == 0 else 1
                stage.append(
                    PreActBlock(
                        channels, inner, stride, dilations[i], dropouts[i], norm_cfg, act_cfg
                    )
                )
                channels = inner[-1]
            self.stages.append(stage)
        self.final = None
        if final_norm:
            self.final = nn.Sequential(
                build_norm_layer(norm_cfg, channels)[1], build_activation_layer(act_cfg)
            )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, outs = self.stem(x), []
        for i, stage in enumerate(self.stages):
            x = self.pool(x) if i < 2 else x
            for block in stage:
                if self.with_cp and x.requires_grad:
                    x = recomputed(block, block, x)
                else:
                    x = block(x)
            if i in self.out_indices:
                last = self.final is not None and i == len(self.stages) - 1
                outs.append(self.final(x) if last else x)
        return tuple(outs)


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def convert_weights(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of NVIDIA's file; its classifier is left out."""
    parts = (
        (r'^module\.', ''),
        (r'^mod1\.conv1\.', 'stem.'),
        (r'^mod(\d)\.block(\d+)\.', lambda m: f'stages.{int(m[1]) - 2}.{int(m[2]) - 1}.'),
        (r'\.(?:convs\.)?bn(\d)\.0\.', lambda m: f'.norms.{int(m[1]) - 1}.'),
        (r'\.convs\.conv(\d)\.', lambda m: f'.convs.{int(m[1]) - 1}.'),
        (r'\.proj_conv\.', '.proj.'),
        (r'^bn_out\.0\.', 'final.0.'),
    )
    converted = {}
    for key, value in state_dict.items():
        for pattern, name in parts:
            key = re.sub(pattern, name, key)
        if not key.startswith('classifier.'):
            converted[key] = value
    return converted
