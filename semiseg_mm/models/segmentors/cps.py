from itertools import combinations, permutations

import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.mixing import mix_alike, mix_view
from semiseg_mm.models.pseudo_labels import filtered, observe, observe_logits
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_choice, check_count, check_number

from .base import Outputs, SemiSegmentor
from .forward import NamedViews


@MODELS.register_module()
class CPSSegmentor(SemiSegmentor):
    """Let networks label each other's images (CPS, Chen et al. 2021, arXiv:2106.01226).

    They start from different initial weights. With soft labels and ``ProbabilityMSE`` it is CPC,
    the ablation of the paper; with n > 2 it is n-CPS, each pair counted once in each direction,
    divided by n - 1.

    Args:
        segmentor: Config of the network, or a list with one config a network.
        num_networks: How many networks one config makes.
        weight: Of the cross pseudo supervision (VOC 1.5, Cityscapes 6; with CutMix 1 and 5).
        rampup_iters: The weight rises over so many iterations, as exp(-5 (1 - t)^2). The paper
            has none; it helps networks that start from scratch.
        mixer: Config of the mixing, or None. With it, labels are made on the unmixed images and
            mixed like them.
        filter: Config of what decides which pixels count, or None (the paper): all.
        covers: 'all' (labeled and unlabeled images; the paper without CutMix) or 'unlabeled'
            (the paper with CutMix).
        student_view: The view that is mixed and learned from; labels come from 'weak'. Or a list
            with one view a network: all are mixed by the same mask.
        label_in_train_mode: Whether the pass that makes labels for mixed images uses, and
            updates, batch statistics (as the official code does).
        label_in_training_forward: Whether mixed images get their labels from the forward in which
            'weak' is one of the student's views, rather than from a pass of its own. Which views
            share that forward says ``joint_forward`` (with 'labeled', in Diverse Co-Training).
        joint_forward: Whether labeled and unlabeled images share a forward. The official code
            keeps them apart.
    """

    def __init__(
        self,
        segmentor: dict | list[dict],
        num_networks: int = 2,
        weight: float = 1.5,
        rampup_iters: int = 0,
        mixer: dict | None = None,
        filter: dict | None = None,
        covers: str = 'all',
        student_view: str | list[str] = 'weak',
        label_in_train_mode: bool = True,
        label_in_training_forward: bool = False,
        pseudo_label: dict = dict(type='HardPseudoLabel'),
        unsupervised: dict = dict(type='MaskedCrossEntropy'),
        **kwargs,
    ) -> None:
        segmentors = segmentor if isinstance(segmentor, list) else [segmentor] * num_networks
        if len(segmentors) < 2:
            raise UserError(
                f'CPS needs two networks or more, got {len(segmentors)}: set model.num_networks.'
            )
        check_choice('covers', covers, ('all', 'unlabeled'), 'CPSSegmentor')
        check_number('weight', weight, 'CPSSegmentor')
        check_count('rampup_iters', rampup_iters, 'CPSSegmentor')
        if mixer is not None and covers != 'unlabeled':
            raise UserError(
                "CPS with a mixer covers unlabeled images: set model.covers='unlabeled'."
            )
        if mixer is None and student_view != 'weak':
            raise UserError(
                "CPS without a mixer labels the images it learns from: set student_view='weak'."
            )
        if mixer is None and label_in_training_forward:
            raise UserError(
                'CPS without a mixer always takes its labels from the training forward: leave '
                'label_in_training_forward out.'
            )
        seen = [student_view] * len(segmentors) if isinstance(student_view, str) else student_view
        if len(seen) != len(segmentors):
            raise UserError(
                f'student_view={seen} of CPS must be one view, or one for each of the '
                f'{len(segmentors)} networks.'
            )
        own = 'weak' if mixer is None else 'mixed'
        self.learned = ['labeled', own] if covers == 'all' else [own]
        super().__init__(
            networks={f'net_{k}': cfg for k, cfg in enumerate(segmentors)},
            student_views=(*['weak'] * label_in_training_forward, own),
            loss_on_labeled=covers == 'all',
            **kwargs,
        )
        self.weight = weight
        self.rampup_iters = rampup_iters
        self.seen = dict(zip(self.networks, seen))
        self.label_in_train_mode = label_in_train_mode
        self.mixer = MODELS.build(mixer) if mixer is not None else None
        self.filter = MODELS.build(filter) if filter is not None else None
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        if self.mixer is not None:
            labeled, (first, *others) = views['labeled'], dict.fromkeys(self.seen.values())
            mixed = mix_view(self.mixer, views[first], labeled)
            views['mixed'] = views[f'mixed_{first}'] = mixed
            for name in others:
                views[f'mixed_{name}'] = mix_alike(views[name], mixed, labeled)
        return views

    def views_of(self, name: str, views: dict[str, View]) -> dict[str, View]:
        if self.mixer is None:
            return views
        return NamedViews(views, mixed=views[f'mixed_{self.seen[name]}'])

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        """Return one mean over all covered images, as in the official code."""
        valid = torch.cat([views[view].valid for view in self.learned])
        maps = {
            net: torch.cat([own[view].logits for view in self.learned])
            for net, own in outputs.items()
        }
        targets = self._targets(views, outputs, valid, maps)
        terms = [
            self.unsupervised(maps[net], targets[other]) for net, other in permutations(maps, 2)
        ]
        agreements = [agreement(maps[a], maps[b], valid) for a, b in combinations(maps, 2)]
        weight = self.weight * sigmoid_rampup(self.iteration, self.rampup_iters)
        found = dict(
            loss_cps=weight / (len(maps) - 1) * torch.stack(terms).sum(),
            agreement=torch.stack(agreements).mean(),
        )
        if self.filter is not None:
            together = PseudoLabel.cat(targets.values())
            found['kept'] = together.kept.sum() / together.valid.sum().clamp(min=1)
        return found

    def _targets(
        self, views: dict[str, View], outputs: Outputs, valid: Tensor, maps: dict[str, Tensor]
    ) -> dict[str, PseudoLabel]:
        """Return what each network teaches the others."""
        if self.mixer is not None:
            weak, valid = views['weak'], views['weak'].valid
            maps = {
                net: own['weak'].logits
                if 'weak' in own
                else self.teach(net, weak.inputs, self.label_in_train_mode).logits
                for net, own in outputs.items()
            }
        together = torch.cat([*maps.values()]), valid.repeat(len(maps), 1, 1)
        observe_logits(self.pseudo_label, *together, self.progress)
        targets = {net: self.pseudo_label(logits, valid) for net, logits in maps.items()}
        if self.mixer is not None:
            targets = {net: views['mixed'].taught(label).target for net, label in targets.items()}
        observe(self.filter, PseudoLabel.cat(targets.values()), self.progress)
        return {net: filtered(self.filter, target) for net, target in targets.items()}


def agreement(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    """Return the share of valid pixels on which two networks name the same class."""
    same = (a.max(1).indices == b.max(1).indices) & valid  # three times as fast as argmax on a CPU
    return same.sum() / valid.sum().clamp(min=1)
