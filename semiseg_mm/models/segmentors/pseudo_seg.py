import torch
from mmseg.models.utils import resize
from torch import Tensor

from semiseg_mm.models.losses import MaskedCrossEntropy, classes_in, image_class_loss
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_number

from .base import Outputs
from .forward import in_mode
from .network import coarsest, example_features
from .weak_to_strong import WeakToStrongSegmentor


@MODELS.register_module()
class PseudoSegSegmentor(WeakToStrongSegmentor):
    """Label by the decoder and by a classifier's attention map (PseudoSeg, Zou et al., ICLR 2021).

    A classifier of images is trained beside the segmentation. Where it sees a class, spread by
    attention, is a second opinion on each pixel. The mean of both opinions, sharpened, is the soft
    label of the strong view.

    Args:
        segmentor: Config of the network, whose backbone gives features.
        cam: Config of the classifier with its map; it takes ``in_channels`` and ``num_classes``.
        temperature: The mean of both opinions is raised to 1 / this.
        min_score: From which the classifier says that a class is in an unlabeled image.
        classes_weight, cam_weight: Of the classifier's loss and of its map's on labeled images.
    """

    decided = WeakToStrongSegmentor.decided | {'teacher'}

    def __init__(
        self,
        segmentor: dict,
        cam: dict = dict(type='AttentionCam'),
        temperature: float = 0.5,
        min_score: float = 0.5,
        classes_weight: float = 1.0,
        cam_weight: float = 1.0,
        pseudo_label: dict = dict(type='SoftPseudoLabel'),
        **kwargs,
    ) -> None:
        check_number('temperature', temperature, 'PseudoSegSegmentor', above=True)
        check_number('classes_weight', classes_weight, 'PseudoSegSegmentor')
        check_number('cam_weight', cam_weight, 'PseudoSegSegmentor')
        own = dict(teacher='self', loss_on_labeled=True, pseudo_label=pseudo_label)
        super().__init__(segmentor, **own, **kwargs)
        channels = [x.shape[1] for x in coarsest(example_features(self.networks['student']), 2)]
        self.add_auxiliary('cam', cam, in_channels=channels, num_classes=self.out_channels)
        self.temperature, self.min_score = temperature, min_score
        self.classes_weight, self.cam_weight = classes_weight, cam_weight

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        losses = super().unsupervised_loss(views, outputs)
        cam, truth = self.auxiliaries['cam'], stored_label(views['labeled'])
        levels = coarsest(outputs['student']['labeled'].features, 2)
        present = classes_in(truth, self.out_channels)[:, cam.background :]
        guess = image_class_loss(cam.classify(levels), present, truth)
        found = self._enlarged(cam(levels, present, views['labeled'].valid), truth.label)
        losses['loss_classes'] = self.classes_weight * guess
        losses['loss_cam'] = self.cam_weight * MaskedCrossEntropy()(found, truth)
        return losses

    def _labeled(self, weak: View, logits: Tensor) -> View:
        cam, network = self.auxiliaries['cam'], self.networks['student']
        with torch.no_grad(), in_mode(network, train=False):
            levels = coarsest(network.extract_feat(weak.inputs), 2)
            present = (cam.classify(levels).sigmoid() >= self.min_score).float()
            found = self._enlarged(cam(levels, present, weak.valid), logits)
            return super()._labeled(weak, fused(logits, found, self.temperature))

    @staticmethod
    def _enlarged(logits: Tensor, like: Tensor) -> Tensor:
        return resize(logits, like.shape[-2:], mode='bilinear', align_corners=True)


def fused(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Return the logarithm of the sharpened mean of two opinions B,C,H,W, with logits rescaled.

    All logits together get a mean square of 1.
    """
    one, other = one.detach().float(), other.float()
    scale = torch.cat([one, other]).square().mean().add(1e-8).rsqrt()
    mean = ((one * scale).softmax(1) + (other * scale).softmax(1)) / 2
    return (mean.log() / temperature).log_softmax(1)
