import copy
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, ModuleDict
from mmseg.models.utils import resize
from mmseg.utils import add_prefix
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View

from .loading import spread_checkpoint
from .network import can_be_taken_apart, logits_of, mend_weighted_losses, override_network

Logits = dict[str, dict[str, Tensor]]  # network -> view -> B,C,H,W


class SemiSegmentor(BaseModel):
    """The base of all methods: named networks around any mmseg segmentor.

    A method overrides :meth:`unsupervised_loss`. Forward passes, the supervised loss, teachers'
    modes, prediction and loading stand here, once.

    Args:
        networks: For each network its config. Those in ``teachers`` are copies of the first
            network, are never trained by gradient, and stay in eval mode.
        teachers: Names of the networks that follow another one.
        student_views: Views that the trained networks see besides 'labeled'.
        loss_on_labeled: Whether the unsupervised loss also needs logits of the labeled view.
        joint_forward: Whether labeled and student views share one forward, and so one set of
            BatchNorm statistics. Or which do: a list of lists of views, the one with 'labeled'
            first.
        perturbation: Config of what is done to the features between backbone and head.
        supervised_weight: Of the loss on labeled images.
        predict_on: The network that predicts; defaults to the first one.
        num_classes: Overrides the networks' own, in all their heads.
        test_cfg: Overrides the networks' own (whole or sliding window).
    """

    def __init__(
        self,
        networks: dict[str, dict],
        teachers: tuple[str, ...] = (),
        student_views: tuple[str, ...] = (),
        loss_on_labeled: bool = False,
        joint_forward: bool | Sequence[Sequence[str]] = False,
        perturbation: dict | None = None,
        supervised_weight: float = 1.0,
        predict_on: str | None = None,
        num_classes: int | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        networks = {name: ConfigDict(copy.deepcopy(cfg)) for name, cfg in networks.items()}
        for cfg in networks.values():
            override_network(cfg, num_classes, test_cfg)
        borrowed = [cfg.pop('data_preprocessor', None) for cfg in networks.values()]
        if any(other != borrowed[0] for other in borrowed[1:]):
            raise UserError(
                'The networks of model.segmentor have different data_preprocessors, but they see '
                'the same images: give all of them the same one.'
            )
        if borrowed[0] and data_preprocessor not in (None, borrowed[0]):
            raise UserError(
                'model.data_preprocessor differs from model.segmentor.data_preprocessor: change '
                "the segmentor's, and leave the other out."
            )
        super().__init__(
            dict(type='SemiDataPreprocessor', network=borrowed[0] or data_preprocessor)
        )
        self.networks = ModuleDict({name: MODELS.build(cfg) for name, cfg in networks.items()})
        mend_weighted_losses(self.networks)
        compares = student_views or loss_on_labeled
        if compares and any(net.out_channels == 1 for net in self.networks.values()):
            raise UserError(
                'A head with out_channels=1 has no class probabilities to compare: set '
                'out_channels=num_classes=2 and a softmax CrossEntropyLoss in '
                'model.segmentor.decode_head.'
            )
        self.teachers = teachers
        self.student_views = student_views
        self.loss_on_labeled = loss_on_labeled
        self.forward_groups = _groups(joint_forward, student_views)
        self.perturbation = MODELS.build(perturbation) if perturbation else None
        self.supervised_weight = supervised_weight
        self.predict_on = predict_on or next(iter(networks))
        if self.predict_on not in networks:
            raise ValueError(f"predict_on='{predict_on}' is none of {', '.join(networks)}")
        for name in teachers:
            self.networks[name].requires_grad_(False)
        self.register_buffer('teacher_steps', torch.zeros((), dtype=torch.long))
        self.iteration, self.max_iters = 0, 1  # set by the train loop; derived, not state
        self.sync_teachers()
        self._register_load_state_dict_pre_hook(spread_checkpoint, with_module=True)

    # ------------------------------------------------------------------ networks

    @property
    def students(self) -> list[str]:
        return [name for name in self.networks if name not in self.teachers]

    @property
    def num_classes(self) -> int:
        return self.networks[self.predict_on].num_classes

    @property
    def out_channels(self) -> int:
        return self.networks[self.predict_on].out_channels

    def init_weights(self) -> None:
        for name in self.students:
            self.networks[name].init_weights()
        self.sync_teachers()

    def sync_teachers(self) -> None:
        """Make every teacher equal to the first network."""
        for name in self.teachers:
            self.networks[name].load_state_dict(self.networks[self.students[0]].state_dict())

    def train(self, mode: bool = True) -> 'SemiSegmentor':
        super().train(mode)
        for name in self.teachers:  # the runner calls train() in every iteration
            self.networks[name].eval()
        return self

    # ------------------------------------------------------------------ forward

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        if mode == 'loss':
            views = _Views()
            for name, images in inputs.items():
                samples = data_samples[name]
                views[name] = View(images, samples, torch.cat([s.valid.data for s in samples]))
            return self.loss(views)
        return self.networks[self.predict_on](inputs, data_samples, mode=mode)

    @contextmanager
    def predicting_on(self, name: str) -> Iterator[None]:
        before, self.predict_on = self.predict_on, name
        try:
            yield
        finally:
            self.predict_on = before

    def loss(self, views: dict[str, View]) -> dict[str, Tensor]:
        views = self.prepare_views(views)
        losses, logits = {}, {}
        for name in self.students:
            supervised, logits[name] = self._forward_student(name, views)
            prefix = name if len(self.students) > 1 else 'sup'
            weighed = {
                key: self.supervised_weight * value if 'loss' in key else value
                for key, value in supervised.items()
            }
            losses.update(add_prefix(weighed, prefix))
        losses.update(self.unsupervised_loss(views, logits))
        return losses

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        """Add what the students shall see (a mixed view, say)."""
        return views

    @abstractmethod
    def unsupervised_loss(self, views: dict[str, View], logits: Logits) -> dict[str, Tensor]:
        """The paper. Keys that contain 'loss' are summed, all others are logged.

        ``logits`` holds, for each trained network, those of its student views at full resolution
        (and of 'labeled' if ``loss_on_labeled``).
        """

    def teach(self, name: str, images: Tensor, train_mode: bool = False) -> Tensor:
        """Logits without gradient, in eval mode unless told otherwise.

        The autocast cache is off: weights cast here would be reused by a later forward of the
        same network and leave it without a gradient, silently.
        """
        network = self.networks[name]
        modes = [(module, module.training) for module in network.modules()]
        cached = torch.is_autocast_cache_enabled()
        network.train(train_mode)
        torch.set_autocast_cache_enabled(False)
        try:
            with torch.no_grad():
                return self._upsample(name, logits_of(network, images), images)
        finally:
            torch.set_autocast_cache_enabled(cached)
            for module, mode in modes:
                module.training = mode

    def _forward_student(self, name: str, views: dict[str, View]) -> tuple[dict, dict]:
        losses, logits = {}, {}
        for group in self.forward_groups:
            parts = {view: views[view] for view in group}
            own, found = self._forward_group(self.networks[name], parts)
            images = parts[group[0]].inputs
            losses.update(own)
            logits.update({key: self._upsample(name, x, images) for key, x in found.items()})
        labeled = logits.pop('labeled', None)
        if self.loss_on_labeled:
            logits['labeled'] = labeled
        return losses, logits

    def _forward_group(self, network, views: dict[str, View]) -> tuple[dict, dict[str, Tensor]]:
        """The supervised loss, if 'labeled' is among the views, and low-resolution logits.

        The loss is the network's own, taken apart at the logits, so that nothing is computed
        twice. Networks and heads that change how it comes about (cascades, EncNet) are used
        whole, with a second forward if logits are asked for.
        """
        labeled, losses = views.get('labeled'), {}
        images = torch.cat([view.inputs for view in views.values()])
        parts = _slices({name: len(view.inputs) for name, view in views.items()})
        apart = can_be_taken_apart(network)
        if self.perturbation is not None and not apart:
            raise UserError(
                f'{type(network).__name__} with {type(network.decode_head).__name__} gives no '
                'features to perturb: choose another network, or perturbation=None.'
            )
        if labeled is not None and not apart:
            losses = network.loss(labeled.inputs, labeled.data_samples)
            if not self.loss_on_labeled and len(views) == 1:
                return losses, {}
        if self.perturbation is None and (labeled is None or not apart):
            logits = logits_of(network, images)
            return losses, {name: logits[part] for name, part in parts.items()}
        features = network.extract_feat(images)
        if self.perturbation is not None:
            features, parts = self.perturbation(features, parts)
        logits = network.decode_head.forward(features)
        if labeled is not None:
            own = parts['labeled']
            found = network.decode_head.loss_by_feat(logits[own], labeled.data_samples)
            losses = add_prefix(found, 'decode')
            if network.with_auxiliary_head:
                features = [x[own] for x in features]
                losses.update(network._auxiliary_head_forward_train(features, labeled.data_samples))
        return losses, {name: logits[part] for name, part in parts.items()}

    def _upsample(self, name: str, logits: Tensor, images: Tensor) -> Tensor:
        corners = self.networks[name].align_corners
        return resize(logits, images.shape[2:], mode='bilinear', align_corners=corners)


def _groups(
    joint_forward: bool | Sequence[Sequence[str]], student_views: Sequence[str]
) -> list[tuple[str, ...]]:
    """Views that share a forward."""
    if isinstance(joint_forward, bool):
        alone = [(view,) for view in student_views]
        return [('labeled', *student_views)] if joint_forward else [('labeled',), *alone]
    groups = [tuple(group) for group in joint_forward]
    named = sorted(view for group in groups for view in group)
    if named != sorted(['labeled', *student_views]) or 'labeled' not in groups[0]:
        raise UserError(
            f'joint_forward={groups} must name each of labeled, {", ".join(student_views)} once, '
            "and 'labeled' in the first group."
        )
    return groups


def _slices(sizes: dict[str, int]) -> dict[str, slice]:
    """Where each part stands in their concatenation."""
    ends = list(accumulate(sizes.values()))
    return {n: slice(end - size, end) for (n, size), end in zip(sizes.items(), ends, strict=True)}


class _Views(dict):
    """Says which key of the config makes a missing view."""

    def __missing__(self, name: str) -> View:
        raise UserError(
            f"The model needs the view '{name}', but a batch has {', '.join(self)}: add it to "
            'train_dataloader.dataset.views (and leave labeled_only out of the sampler).'
        )
