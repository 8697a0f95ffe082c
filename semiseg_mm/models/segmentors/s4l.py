import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number

from .base import Outputs, SemiSegmentor

COPIES = dict(labeled='rotated_labeled', weak='rotated_weak')


@MODELS.register_module()
class S4LSegmentor(SemiSegmentor):
    """Learn to tell how images are turned (S4L, Zhai et al., ICCV 2019, arXiv:1905.03670).

    The paper is about classification. This is the form that PixelSSL (Ke et al., ECCV 2020) gave
    it for segmentation: a copy of each image, turned by one, two or three quarters, is in the same
    batch; a small head tells the turn from the logits.

    Args:
        segmentor: Config of the network.
        rotation: Config of the head; it takes ``in_channels``.
        rotation_weight: Of telling the turns of all images and of their copies.
        rotated_weight: Of the cross entropy on the copies of labeled images.
    """

    def __init__(
        self,
        segmentor: dict,
        rotation: dict = dict(type='RotationHead'),
        rotation_weight: float = 0.1,
        rotated_weight: float = 0.1,
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        joint_forward: bool = True,
        **kwargs,
    ) -> None:
        check_number('rotation_weight', rotation_weight, 'S4LSegmentor')
        check_number('rotated_weight', rotated_weight, 'S4LSegmentor')
        student_views = ('weak', *COPIES.values())
        own = dict(loss_on_labeled=True, joint_forward=joint_forward)
        super().__init__(dict(student=segmentor), {}, student_views, **own, **kwargs)
        self.add_auxiliary('rotation', rotation, in_channels=self.out_channels)
        self.unsupervised = MODELS.build(unsupervised)
        self.weights = rotated_weight, rotation_weight
        self.turns: dict[str, list[int]] = {}  # of this batch's copies, clockwise

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        labeled = views['labeled']
        originals = dict(labeled=labeled._replace(target=stored_label(labeled)), weak=views['weak'])
        for name, own in originals.items():
            turns = torch.randint(1, 4, (len(own.inputs),)).tolist()
            self.turns[COPIES[name]] = turns
            target = own.target and PseudoLabel(*(turned(x, turns) for x in own.target[:3]))
            inputs, valid = turned(own.inputs, turns), turned(own.valid, turns)
            views[COPIES[name]] = own._replace(inputs=inputs, valid=valid, target=target)
        return views

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        own, names = outputs['student'], [*COPIES, *COPIES.values()]
        rotated = self.unsupervised(own['rotated_labeled'].logits, views['rotated_labeled'].target)
        logits = torch.cat([own[name].logits for name in names])
        seen = torch.cat([views[name].valid.flatten(1).any(1) for name in names])  # not all padding
        count = seen.sum().clamp(min=1)
        made = [k for name in names for k in self.turns.get(name, [0] * len(views[name].inputs))]
        label = torch.tensor(made).to(logits.device, non_blocking=True)
        told = self.auxiliaries['rotation'](logits).float()
        rotation = (F.cross_entropy(told, label, reduction='none') * seen).sum() / count
        return dict(
            loss_rotated=self.weights[0] * rotated,
            loss_rotation=self.weights[1] * rotation,
            turns_told=((told.argmax(1) == label) & seen).sum() / count,
        )


def turned(x: Tensor, turns: list[int]) -> Tensor:
    """Return images B,…,H,W, each turned clockwise by so many quarters."""
    if x.shape[-1] != x.shape[-2]:
        height, width = x.shape[-2:]
        side = min(height, width)
        raise UserError(
            f'S4L turns crops by quarters, but they are {height} x {width}: set a square '
            f'train_dataloader.dataset.crop_size, such as ({side}, {side}).'
        )
    return torch.stack([one.rot90(-turn, (-2, -1)) for one, turn in zip(x, turns, strict=True)])
