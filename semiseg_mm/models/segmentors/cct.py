import copy

import torch
from mmseg.models.utils import resize
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.perturbations import Objects
from semiseg_mm.models.pseudo_labels import SoftPseudoLabel, filtered
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_choice, check_count, check_number, check_share

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class CCTSegmentor(SemiSegmentor):
    """Agree with decoders of changed features (CCT, Ouali et al., CVPR 2020, arXiv:2003.09005).

    Beside the network's last layer stand others like it, each with weights of its own. Each gets
    the features of the unlabeled images changed in some way, and shall predict what the network
    predicts. That trains the backbone; the network's last layer learns from labels alone.

    Args:
        segmentor: Config of the network.
        perturbations: For each name the config of a change of features.
        decoders: For each of these names how many decoders learn it; 1 where it says nothing.
        weight: Of the mean over the decoders.
        rampup: The weight rises over this share of the training, as exp(-5 (1 - t)^2).
        background: The class that is no object, for the changes that speak of objects.
        filter: Config of what decides which pixels count, or None: all.
        unsupervised: Config of how probabilities are compared.
    """

    def __init__(
        self,
        segmentor: dict,
        perturbations: dict[str, dict],
        decoders: dict[str, int] = dict(),
        weight: float = 30.0,
        rampup: float = 0.1,
        background: int = 0,
        filter: dict | None = None,
        unsupervised: dict = dict(type='ProbabilityMSE'),
        **kwargs,
    ) -> None:
        check_number('weight', weight, 'CCTSegmentor')
        check_share('rampup', rampup, 'CCTSegmentor')
        super().__init__(dict(student=segmentor), {}, ('weak',), **kwargs)
        assert self.embedding_channels  # or it says that this network has no last layer
        for name in decoders:
            check_choice('A name in decoders', name, perturbations, 'CCTSegmentor')
        self.perturbations = nn.ModuleDict()
        for name, change in perturbations.items():
            count = decoders.get(name, 1)
            check_count(name, count, 'decoders of CCTSegmentor')
            if count:
                self.perturbations[name] = MODELS.build(change)
            for number in range(count):
                layer = self.networks['student'].decode_head.conv_seg
                self.add_auxiliary(f'{name}_{number}', untrained_copy(layer))
        if not self.auxiliaries:
            raise UserError('CCT needs a decoder: set a number of model.decoders above 0.')
        if not 0 <= background < self.num_classes:
            raise UserError(
                f'background={background} of CCTSegmentor: give a class from 0 to '
                f'{self.num_classes - 1}; objects are all others.'
            )
        self.weight, self.rampup, self.background = weight, rampup, background
        self.filter = MODELS.build(filter) if filter else None
        self.unsupervised = MODELS.build(unsupervised)

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        main, valid = outputs['student']['weak'], views['weak'].valid
        target = SoftPseudoLabel()(main.logits, valid)
        target = filtered(self.filter, target, self.progress)
        mask = (target.hard != self.background).unsqueeze(1).float()
        size = main.embedding.shape[2:]
        objects = Objects(nn.functional.interpolate(mask, size, mode='nearest') > 0)
        terms = []
        for name, decoder in self.auxiliaries.items():
            change = self.perturbations[name.rpartition('_')[0]]
            logits = decoder(change(main.embedding, objects, decoder))
            aligned = self.networks['student'].align_corners
            logits = resize(logits, valid.shape[1:], mode='bilinear', align_corners=aligned)
            terms.append(self.unsupervised(logits, target))
        ramp = sigmoid_rampup(self.progress, self.rampup)
        return dict(loss_consistency=ramp * self.weight * torch.stack(terms).mean())


def untrained_copy(layer: nn.Module) -> nn.Module:
    """Return a layer of the same form with weights of its own."""
    own = copy.deepcopy(layer)
    for part in reversed([*own.modules()]):  # a whole may know better than its parts
        if hasattr(part, 'reset_parameters'):
            part.reset_parameters()
    return own
