"""A contrastive method from outside the tree: a projector on features and a bank of prototypes."""

import torch
from mmengine.model import BaseModule
from torch import nn

from semiseg_mm.models import ClassBank, MeanTeacher
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class Projector(BaseModule):
    def __init__(self, in_channels, init_cfg=dict(type='Kaiming', layer='Conv2d')):
        super().__init__(init_cfg)
        self.conv = nn.Conv2d(in_channels, 8, 1)

    def forward(self, x):
        return nn.functional.normalize(self.conv(x), dim=1)


@MODELS.register_module()
class Prototypes(MeanTeacher):
    """Pulls labeled pixels to what the teacher's projector remembers of their class."""

    def __init__(self, segmentor, **kwargs):
        super().__init__(segmentor, covers='all', **kwargs)
        channels = self.networks['student'].backbone.base_channels
        self.add_auxiliary('projector', dict(type='Projector'), in_channels=channels)
        self.add_auxiliary('taught', dict(type='Projector'), 'projector', in_channels=channels)
        self.bank = ClassBank(self.num_classes, 8, size=20)

    def unsupervised_loss(self, views, outputs):
        losses, truth = super().unsupervised_loss(views, outputs), stored_label(views['labeled'])
        pixels = self.auxiliaries['projector'](outputs['student']['labeled'].features[-1])
        taught = self.teach('teacher', views['labeled'].inputs).features[-1]
        with torch.no_grad():
            taught = self.auxiliaries['taught'](taught).permute(0, 2, 3, 1)
        step = truth.label.shape[-1] // pixels.shape[-1]
        label, known = truth.label[:, ::step, ::step], truth.valid[:, ::step, ::step]
        classes = range(self.num_classes)
        self.bank.push([taught[(label == c) & known] for c in classes])
        pixels, loss = pixels.permute(0, 2, 3, 1), 0 * pixels.sum()
        for c in classes:
            own, rows = pixels[(label == c) & known], self.bank.rows(c)
            if len(own) and len(rows):
                loss = loss + (own - rows.mean(0)).square().mean()
        return dict(losses, loss_prototypes=loss)
