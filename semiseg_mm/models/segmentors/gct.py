from itertools import permutations

import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.models.losses import (
    average,
    flaw_target,
    marked_flaws,
    sigmoid_rampup,
    truth_map,
)
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import check_number, check_share

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class GCTSegmentor(SemiSegmentor):
    """Guide two networks by a detector of flaws (GCT, Ke et al., ECCV 2020, arXiv:2008.05258).

    The detector learns on labeled images where predictions are wrong. Where it finds a network's
    prediction worse than the other's, the network is pulled to the other one. Where both are bad,
    each learns to make the detector find nothing.

    Args:
        segmentor: Config of the network, or a list with one config for each of the two.
        detector: Its config; ``PartwiseConstructor`` gives it an optimizer of its own.
        weight: Of the pull.
        rampup: The share of the training over which that weight rises, as exp(-5 (1 - t)^2).
        correction_weight, detector_weight: Of what is learned where both are bad; of the
            detector's own loss.
        threshold: From which a flaw, 0 to 1 within an image, is bad.
    """

    def __init__(
        self,
        segmentor: dict | list[dict],
        detector: dict = dict(type='FlawDetector'),
        weight: float = 100.0,
        rampup: float = 0.15,
        correction_weight: float = 1.0,
        detector_weight: float = 10.0,
        threshold: float = 0.6,
        unsupervised: dict = dict(type='ProbabilityMSE'),
        **kwargs,
    ) -> None:
        segmentors = segmentor if isinstance(segmentor, list) else [segmentor] * 2
        if len(segmentors) != 2:
            raise UserError(
                f'GCT compares two networks, but model.segmentor has {len(segmentors)}: give one '
                'config for both, or two.'
            )
        weights = dict(weight=weight, correction_weight=correction_weight)
        for name, value in dict(weights, detector_weight=detector_weight).items():
            check_number(name, value, 'GCTSegmentor')
        for name, value in dict(rampup=rampup, threshold=threshold).items():
            check_share(name, value, 'GCTSegmentor')
        networks = {f'net_{k}': cfg for k, cfg in enumerate(segmentors)}
        super().__init__(networks, {}, ('weak',), loss_on_labeled=True, **kwargs)
        inputs = dict(in_channels=self.out_channels + self.image_channels)
        self.add_auxiliary('detector', detector, own_optimizer=True, **inputs)
        self.weight, self.rampup, self.threshold = weight, rampup, threshold
        self.correction_weight, self.detector_weight = correction_weight, detector_weight
        self.unsupervised = MODELS.build(unsupervised)

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        seen, detector = [views['labeled'], views['weak']], self.auxiliaries['detector']
        images, valid = (torch.cat([getattr(v, key) for v in seen]) for key in ('inputs', 'valid'))
        truth, known = truth_map(stored_label(seen[0]), self.out_channels), seen[0].valid
        logits = {n: torch.cat([o['labeled'].logits, o['weak'].logits]) for n, o in outputs.items()}
        maps = {net: own.float().softmax(1) for net, own in logits.items()}
        flaws = {net: frozen(detector)(torch.cat([images, p], 1)) for net, p in maps.items()}
        marks = {net: marked_flaws(found) for net, found in flaws.items()}
        bad = {net: mark > self.threshold for net, mark in marks.items()}
        marks = {net: mark.masked_fill(bad[net], 1) for net, mark in marks.items()}
        both = torch.stack([*bad.values()]).all(0)  # B,H,W
        losses = dict.fromkeys(('loss_consistency', 'loss_correction', 'loss_detector'), 0)
        weight = self.weight * sigmoid_rampup(self.progress, self.rampup)
        for net, other in permutations(maps):
            better = (marks[other] >= marks[net]).unsqueeze(1)
            label = torch.where(better, maps[net], maps[other]).detach()
            target = PseudoLabel(label, label.amax(1), valid)
            losses['loss_consistency'] += weight * self.unsupervised(logits[net], target)
            corrected = average(flaws[net].float().square() * both, target)
            losses['loss_correction'] += self.correction_weight * corrected
            found = detector(torch.cat([images, maps[net]], 1).detach())[: len(known)]
            missed = found.float() - flaw_target(maps[net][: len(known)], truth, known)
            missed = (missed.square() * known).sum() / known.sum().clamp(min=1)
            losses['loss_detector'] += self.detector_weight / 2 * missed
        return dict(losses, both_bad=(both & valid).sum() / valid.sum().clamp(min=1))
