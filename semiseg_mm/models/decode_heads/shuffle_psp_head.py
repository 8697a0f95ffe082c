import torch
from mmseg.models.decode_heads import PSPHead
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


class ShuffleClassifier(nn.Module):
    """Classify features, and enlarge the result twofold, several times, by shuffling pixels.

    Each time a 1 x 1 convolution gives four values for a class, ReLU is applied, and the four
    become 2 x 2 pixels. At first all four are equal, so there is no checkerboard.
    """

    def __init__(self, in_channels: int, classes: int, steps: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.classifier = nn.Conv2d(in_channels, classes, 1, bias=False)
        self.steps = nn.ModuleList(nn.Conv2d(classes, 4 * classes, 1) for _ in range(steps))
        self.shuffle = nn.PixelShuffle(2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.kaiming_normal_(self.classifier.weight, nonlinearity='relu')
        for step in self.steps:
            step.reset_parameters()
            quarter = nn.init.kaiming_normal_(step.weight[::4].detach().clone())
            with torch.no_grad():
                step.weight.copy_(quarter.repeat_interleave(4, 0))

    def forward(self, features: Tensor) -> Tensor:
        logits = self.classifier(features)
        for step in self.steps:
            logits = self.shuffle(step(logits).relu())
        return logits


@MODELS.register_module()
class ShufflePSPHead(PSPHead):
    """mmseg's head of PSPNet with the last layer of CCT's code: it enlarges by shuffling pixels.

    Args:
        steps: How often it doubles height and width: three times, at output stride 8, give the size
            of the image.
    """

    def __init__(self, steps: int = 3, init_cfg: dict | None = None, **kwargs) -> None:
        super().__init__(init_cfg=init_cfg, **kwargs)
        self.conv_seg = ShuffleClassifier(self.channels, self.out_channels, steps)
