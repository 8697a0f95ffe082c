"""An adversarial method from outside the tree: a discriminator with an optimizer of its own."""

import torch
from torch import nn

from semiseg_mm.models import SemiSegmentor, frozen
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ImageJudge(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.score = nn.Sequential(
            nn.Conv2d(in_channels, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.last = nn.Linear(8, 1)

    def forward(self, probabilities):
        return self.last(self.score(probabilities))


@MODELS.register_module()
class FoolTheJudge(SemiSegmentor):
    """Predictions on unlabeled images shall look like those on labeled ones."""

    def __init__(self, segmentor, **kwargs):
        super().__init__(
            dict(student=segmentor), student_views=('weak',), loss_on_labeled=True, **kwargs
        )
        judge = dict(type='ImageJudge', in_channels=self.out_channels)
        self.add_auxiliary('judge', judge, own_optimizer=True)

    def unsupervised_loss(self, views, outputs):
        judge, own = self.auxiliaries['judge'], outputs['student']
        real, fake = (own[view].logits.softmax(1) for view in ('labeled', 'weak'))
        both = torch.cat([real, fake]).detach()
        wanted = both.new_ones(len(both), 1)
        wanted[len(real) :] = 0
        bce = nn.functional.binary_cross_entropy_with_logits
        fooled = frozen(judge)(fake)
        return dict(
            loss_fooled=0.1 * bce(fooled, torch.ones_like(fooled)),
            loss_judge=bce(judge(both), wanted),
        )
