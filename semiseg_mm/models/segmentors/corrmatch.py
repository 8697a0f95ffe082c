import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import ProbabilityKL, sigmoid_rampup
from semiseg_mm.models.pseudo_labels import draw_regions, filtered, propagate, spread_logits
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_count, check_number

from .base import Output, Outputs
from .head_loss import head_loss
from .network import chosen_level
from .parts import derived_part
from .weak_to_strong import WeakToStrongSegmentor


@MODELS.register_module()
class CorrMatchSegmentor(WeakToStrongSegmentor):
    """Spread labels over what looks alike (Sun et al., CVPR 2024, arXiv:2306.04300).

    A correlation of the features with themselves carries the logits to other places, and what
    arrives is learned like a prediction. Its rows are regions as well: one that mostly has one
    confident label gets it everywhere.

    Args:
        correlation: Config of ``Correlation``; the level of the features that it sees is the last
            one that the head reads, or ``in_index`` of this config.
        regions: How many are drawn for an image.
        consistency_weight: Of the divergence of the strong view's prediction from the weak one's.
        correlation_weight: Of what the correlation carries on unlabeled images; on labeled ones it
            has the ``supervised_weight``.
        filter: Its ``value`` is also the share of a region that must agree.
    """

    decided = WeakToStrongSegmentor.decided | {'teacher', 'strong_views', 'filter_before_mixing'}

    def __init__(
        self,
        segmentor: dict,
        correlation: dict = dict(type='Correlation'),
        regions: int = 128,
        consistency_weight: float = 0.125,
        correlation_weight: float = 0.125,
        filter: dict = dict(type='RunningThreshold'),
        **kwargs,
    ) -> None:
        check_count('regions', regions, 'CorrMatchSegmentor', least=1)
        check_number('consistency_weight', consistency_weight, 'CorrMatchSegmentor')
        check_number('correlation_weight', correlation_weight, 'CorrMatchSegmentor')
        super().__init__(segmentor, 'self', filter=filter, loss_on_labeled=True, **kwargs)
        if not hasattr(self.filter, 'value'):
            raise UserError('filter of CorrMatchSegmentor: take RunningThreshold or Threshold.')
        network = self.networks['student']
        level = chosen_level(network, correlation.get('in_index'))
        derived = dict(num_classes=self.out_channels, in_channels=level.pop('in_channels'))
        part = derived_part({**correlation, **level}, 'model.correlation', **derived)
        self.add_auxiliary('correlation', part)
        self.align_corners, self.regions = network.align_corners, regions
        self.consistency_weight, self.correlation_weight = consistency_weight, correlation_weight

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        own, strong, count = outputs['student'], views['strong'], len(views['labeled'].inputs)
        weak = self._labeled(views['weak'], own['weak'].logits).target
        plain = filtered(self.filter, weak)
        mixed = filtered(self.filter, strong.taught(weak).target)
        carried, rows, size = self._carry(own['labeled'], own['weak'])
        carried_strong, _, _ = self._carry(own['strong'])

        shape, free = strong.inputs.shape[2:], mixed.valid
        if strong.mix is not None:
            free = free & ~strong.mix.mask
        regions = draw_regions(rows[count:], size, shape, self.regions, self.align_corners)
        label = propagate(
            mixed, regions & free.unsqueeze(1), self.filter.value, self.out_channels
        )  # B,H,W
        losses = self._learned(own, plain, dict(strong=label), None)

        before = mixed._replace(label=own['weak'].logits.detach().float().softmax(1))
        apart = ProbabilityKL()(own['strong'].logits, before)
        also = self.unsupervised(carried_strong, label) + self.unsupervised(carried[count:], plain)
        ramp = sigmoid_rampup(self.iteration, self.rampup_iters)
        losses['loss_consistency'] = ramp * self.consistency_weight * apart
        losses['loss_correlation'] = ramp * self.correlation_weight * also / 2
        head, samples = self.networks['student'].decode_head, views['labeled'].data_samples
        known = head_loss(head, carried[:count], samples, accuracy=False)
        return losses | {f'sup.correlation.{k}': self.supervised_weight * known[k] for k in known}

    def _carry(self, *outputs: Output) -> tuple[Tensor, Tensor, torch.Size]:
        """Return the logits that arrive, all rows of the correlation, and the size of a row."""
        correlation = self.auxiliaries['correlation']
        features = torch.cat([correlation.choose(one.features) for one in outputs])
        rows, size = correlation(features), features.shape[2:]
        logits = torch.cat([one.logits for one in outputs])
        return spread_logits(logits, rows, size, self.align_corners), rows, size
