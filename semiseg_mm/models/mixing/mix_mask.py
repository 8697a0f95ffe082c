from typing import NamedTuple

import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.structures import PseudoLabel, View


class MixMask(NamedTuple):
    """Drawn once, pasted on everything that belongs to the image."""

    mask: Tensor  # B,H,W bool: where the partner's pixels go
    partner: Tensor  # B long: index of each image's partner in the batch

    def paste(self, x: Tensor) -> Tensor:
        """Mix B,H,W or B,C,H,W with the partners."""
        mask = self.mask if x.dim() == 3 else self.mask.unsqueeze(1)
        return torch.where(mask, x[self.partner], x)

    def mix_view(self, view: View) -> View:
        return view._replace(inputs=self.paste(view.inputs), valid=self.paste(view.valid), mix=self)

    def mix_label(self, target: PseudoLabel) -> PseudoLabel:
        return PseudoLabel(*(None if x is None else self.paste(x) for x in target))


def draw_partners(images: Tensor, how: str = 'next') -> Tensor:
    """Each image's partner in the batch.

    The 'next' one, the mirrored place ('flip'), the other one of each 'pair', or 'random'.
    With an odd batch the image in the middle of a 'flip' is its own partner; so may 'random' be.
    """
    if len(images) < 2:
        raise UserError(
            'CutMix takes the partner from the same batch, and a process has one unlabeled '
            'image: it would mix the image with itself. Set '
            'train_dataloader.sampler.unlabeled to 2 or more.'
        )
    if how == 'pair' and len(images) % 2:
        raise UserError(
            f"partner='pair' needs an even number of unlabeled images in a process's batch, got "
            f'{len(images)}: set train_dataloader.sampler.unlabeled.'
        )
    places = torch.arange(len(images))
    ways = dict(next=places.roll(-1), flip=places.flip(0), pair=places ^ 1)
    partner = torch.randperm(len(images)) if how == 'random' else ways[how]
    return partner.to(images.device)
