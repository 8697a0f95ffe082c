from itertools import combinations

import torch
from torch import Tensor

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel

from .base import Logits, SemiSegmentor


@MODELS.register_module()
class CPSSegmentor(SemiSegmentor):
    """Cross Pseudo Supervision (Chen et al. 2021, arXiv:2106.01226), with and without CutMix.

    Networks with different initialisation label each other's images. With soft labels and
    ``ProbabilityMSE`` it is CPC, the ablation of the paper; with n > 2 it is n-CPS, each pair
    counted once in each direction, divided by n - 1.

    Args:
        segmentor: Config of the network, or a list with one config a network.
        num_networks: How many networks one config makes.
        weight: Of the cross pseudo supervision (VOC 1.5, Cityscapes 6; with CutMix 1 and 5).
        mixer: Config of the mixing, or None. With it, labels are made on the unmixed images and
            mixed like them.
        covers: 'all' (labeled and unlabeled images; the paper without CutMix) or 'unlabeled'
            (the paper with CutMix).
        student_view: The view that is mixed and learned from; labels come from 'weak'.
        label_in_train_mode: Whether the pass that makes labels for mixed images uses, and
            updates, batch statistics (as the official code does).
        joint_forward: Whether labeled and unlabeled images share a forward. The official code
            keeps them apart.
    """

    def __init__(
        self,
        segmentor: dict | list[dict],
        num_networks: int = 2,
        weight: float = 1.5,
        mixer: dict | None = None,
        covers: str = 'all',
        student_view: str = 'weak',
        label_in_train_mode: bool = True,
        pseudo_label: dict = dict(type='HardPseudoLabel'),
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        **kwargs,
    ) -> None:
        segmentors = segmentor if isinstance(segmentor, list) else [segmentor] * num_networks
        if len(segmentors) < 2:
            raise ValueError(f'CPS needs two networks or more, got {len(segmentors)}')
        if mixer is not None and covers != 'unlabeled':
            raise ValueError("CPS with a mixer covers unlabeled images: set covers='unlabeled'")
        if mixer is None and student_view != 'weak':
            raise ValueError("CPS without a mixer labels the images it learns from: 'weak'")
        super().__init__(
            networks={f'net_{k}': cfg for k, cfg in enumerate(segmentors)},
            student_views=('mixed',) if mixer is not None else ('weak',),
            loss_on_labeled=covers == 'all',
            **kwargs,
        )
        self.weight = weight
        self.student_view = student_view
        self.label_in_train_mode = label_in_train_mode
        self.mixer = MODELS.build(mixer) if mixer is not None else None
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)

    def prepare_views(self, views: dict) -> dict:
        if self.mixer is None:
            return views
        view = views[self.student_view]
        return dict(views, mixed=self.mixer.draw(view.inputs).mix_view(view))

    def unsupervised_loss(self, views: dict, logits: Logits) -> dict[str, Tensor]:
        losses, agreements = {}, []
        for name, images in {n: views[n] for n in logits['net_0']}.items():
            targets = {net: self._target(net, views, name, logits[net][name]) for net in logits}
            pairs = [(a, b) for a in logits for b in logits if a != b]
            terms = [self.unsupervised(logits[a][name], targets[b]) for a, b in pairs]
            share = self.weight / (len(logits) - 1)
            losses[f'{name}.loss_cps'] = share * torch.stack(terms).sum()
            agreements += [
                _agreement(logits[a][name], logits[b][name], images.valid)
                for a, b in combinations(logits, 2)
            ]
        losses['agreement'] = torch.stack(agreements).mean()
        return losses

    def _target(self, net: str, views: dict, name: str, logits: Tensor) -> PseudoLabel:
        """What this network teaches the others about a view."""
        mix = views[name].mix
        if mix is None:
            return self.pseudo_label(logits, views[name].valid)
        weak = views['weak']
        taught = self.teach(net, weak.inputs, train_mode=self.label_in_train_mode)
        return mix.mix_label(self.pseudo_label(taught, weak.valid))


def _agreement(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    """Share of valid pixels on which two networks name the same class (the paper's overlap)."""
    same = (a.argmax(1) == b.argmax(1)) & valid
    return same.sum() / valid.sum().clamp(min=1)
