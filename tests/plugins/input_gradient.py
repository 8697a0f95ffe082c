"""Virtual adversarial training from outside the tree: it needs the gradient of the images."""

import torch

from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class VirtualAdversary(SemiSegmentor):
    """The prediction shall not change where a small change of the image changes it most."""

    def __init__(self, segmentor, radius=1.0, **kwargs):
        super().__init__(dict(student=segmentor), student_views=('weak',), **kwargs)
        self.radius = radius

    def prepare_views(self, views):
        images = views['weak'].inputs
        clean = self.teach('student', images).logits.softmax(1)
        noise = 1e-3 * torch.randn_like(images)
        noise.requires_grad_()
        moved = self.look('student', images + noise, train_mode=False).logits.log_softmax(1)
        (direction,) = torch.autograd.grad(-(clean * moved).sum(), noise)
        size = direction.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        views['weak'] = views['weak']._replace(inputs=images + self.radius * direction / size)
        self.clean = clean
        return views

    def unsupervised_loss(self, views, outputs):
        p = outputs['student']['weak'].logits.softmax(1)
        return dict(loss_vat=(p - self.clean).square().sum(1).mean())
