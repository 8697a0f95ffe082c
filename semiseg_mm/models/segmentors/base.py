import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from mmengine.config import ConfigDict
from mmseg.utils import add_prefix
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.mixing import mix_labeled
from semiseg_mm.models.named_network import named_network
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import arguments_of, check_choice, check_number

from .forward import (
    NamedOutputs,
    NamedViews,
    Output,
    Outputs,
    forward_groups,
    forward_images,
    in_mode,
    split_forward,
    whole_forward,
)
from .head_loss import mend_cross_entropies
from .loading import spread_checkpoint
from .network import (
    can_be_taken_apart,
    check_networks,
    common_preprocessor,
    embedding_channels,
    image_channels,
    override_network,
)
from .parts import derived_part
from .roles import ModelWithRoles
from .windows import pad_small_images


class SemiSegmentor(ModelWithRoles):
    """Hold named networks, each any mmseg segmentor: the base of all methods.

    A method overrides :meth:`unsupervised_loss`. Forward passes, the supervised loss, prediction
    and loading stand here, once; modules beside the networks, and who follows whom, in
    ``ModelWithRoles``.

    Args:
        networks: For each network its config.
        teachers: For each network that is a running mean of another one, that other one. A teacher
            starts as its copy, is never trained by gradient, and stays in eval mode;
            ``MeanTeacherHook`` moves it.
        student_views: Views that the trained networks see besides 'labeled'.
        loss_on_labeled: Whether the unsupervised loss also needs outputs of the labeled view.
        joint_forward: Whether labeled and student views share one forward, and so one set of
            BatchNorm statistics. Or which do: a list of lists of views, the one with 'labeled'
            first.
        perturbation: Config of what is done to the features between backbone and head.
        supervised_weight: Of the loss on labeled images.
        labeled_mixer: Config of how labeled images are mixed with each other, their labels alike,
            or None.
        class_confidence: Config of what remembers how well each class is known
            (``ClassConfidence``), or None. Parts that ask for it (``ByClassConfidence``) get it.
        predict_on: The network that predicts; defaults to the first one.
        evaluated: The networks that are validated; defaults to all.
        num_classes: Overrides the networks' own, in all their heads.
        test_cfg: Overrides the networks' own (whole or sliding window); ``windows.py`` says what
            it may have beyond mmseg's.
    """

    # A method sets these itself, and a config must not. One that learns from changed features, so
    # that a config may set a perturbation, takes that out.
    decided = frozenset({'networks', 'teachers', 'student_views', 'loss_on_labeled'})
    decided |= {'perturbation'}

    def __new__(cls, *args, **kwargs) -> 'SemiSegmentor':
        known = arguments_of(cls)
        for name in () if known.open else kwargs:
            if name not in known.names:
                raise UserError(known.refusal('model', name, cls.__name__))
        return super().__new__(cls)

    def __init__(
        self,
        networks: dict[str, dict],
        teachers: Mapping[str, str] | None = None,
        student_views: tuple[str, ...] = (),
        loss_on_labeled: bool = False,
        joint_forward: bool | Sequence[Sequence[str]] = False,
        perturbation: dict | None = None,
        supervised_weight: float = 1.0,
        labeled_mixer: dict | None = None,
        class_confidence: dict | None = None,
        predict_on: str | None = None,
        evaluated: Sequence[str] | None = None,
        num_classes: int | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        check_number('supervised_weight', supervised_weight, type(self).__name__)
        networks = {
            name: ConfigDict(copy.deepcopy(named_network(cfg))) for name, cfg in networks.items()
        }
        for cfg in networks.values():
            override_network(cfg, num_classes, test_cfg)
        preprocessor = common_preprocessor(list(networks.values()), data_preprocessor)
        preprocessor = pad_small_images(preprocessor, networks.values())
        preprocessor = dict(type='SemiDataPreprocessor', network=preprocessor)
        super().__init__(networks, teachers or {}, preprocessor)
        self.perturbation = MODELS.build(perturbation) if perturbation else None
        self.labeled_mixer = MODELS.build(labeled_mixer) if labeled_mixer else None
        compares = bool(student_views) or loss_on_labeled
        check_networks(self.networks.values(), compares, self.perturbation is not None)
        mend_cross_entropies(self.networks)
        self.student_views = student_views
        self.loss_on_labeled = loss_on_labeled
        self.forward_groups = forward_groups(joint_forward, student_views)
        self.supervised_weight = supervised_weight
        self.predict_on = predict_on or next(iter(networks))
        self.evaluated = tuple(evaluated or networks)
        check_choice('predict_on', self.predict_on, networks)
        for name in self.evaluated:
            check_choice('evaluated', name, networks)
        self.class_confidence = class_confidence and derived_part(
            class_confidence, 'model.class_confidence', num_classes=self.out_channels
        )
        self.iteration, self.max_iters = 0, 1  # set by the train loop; derived, not state
        self.with_accuracy = True  # by the train loop: whether this iteration is logged
        self._register_load_state_dict_pre_hook(spread_checkpoint, with_module=True)

    @property
    def progress(self) -> float:
        """Return how much of the training is done, 0 to 1."""
        return self.iteration / self.max_iters

    @property
    def num_classes(self) -> int:
        return self.networks[self.predict_on].num_classes

    @property
    def out_channels(self) -> int:
        return self.networks[self.predict_on].out_channels

    @property
    def image_channels(self) -> int:
        """Return the channels of the images, as the network that predicts takes them."""
        return image_channels(self.networks[self.predict_on])

    @property
    def embedding_channels(self) -> int:
        """Return the channels of the embedding of the network that predicts."""
        return embedding_channels(self.networks[self.predict_on])

    # ------------------------------------------------------------------ forward

    def forward(self, inputs, data_samples=None, mode: str = 'tensor'):
        if mode == 'loss':
            views = NamedViews()
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
        if self.class_confidence is not None:
            self.class_confidence.lend(self.modules())
        if self.labeled_mixer is not None:
            views['labeled'] = mix_labeled(self.labeled_mixer, views['labeled'])
        views = self.prepare_views(views)
        losses, outputs = {}, {}
        for name in self.students:
            own = self.views_of(name, views)
            supervised, outputs[name] = self._forward_student(self.networks[name], own)
            prefix = name if len(self.students) > 1 else 'sup'
            weighed = {
                key: self.supervised_weight * value if 'loss' in key else value
                for key, value in supervised.items()
            }
            losses.update(add_prefix(weighed, prefix))
        if self.class_confidence is not None:
            known = outputs[self.students[0]]['labeled'].logits
            self.class_confidence.observe(known, stored_label(views['labeled']))
        if not self.loss_on_labeled:
            for own in outputs.values():
                own.pop('labeled', None)
        losses.update(self.unsupervised_loss(views, outputs))
        return losses

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        """Add what the students shall see (a mixed view, say)."""
        return views

    def views_of(self, name: str, views: dict[str, View]) -> dict[str, View]:
        """Return what one of the students sees: here what all see."""
        return views

    @abstractmethod
    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        """Return the paper's losses. Keys that contain 'loss' are summed, all others are logged.

        ``outputs`` holds, for each trained network, those of its student views (and of 'labeled'
        if ``loss_on_labeled``).
        """

    def teach(self, name: str, images: Tensor, train_mode: bool = False) -> Output:
        """Return the output of a network or a guide without gradient, by default in eval mode."""
        with torch.no_grad():
            return self.look(name, images, train_mode)

    def look(self, name: str, images: Tensor, train_mode: bool | None = None) -> Output:
        """Return the output of a network with a gradient, also to images that require one.

        Args:
            train_mode: Whether its layers are in train or eval mode; None leaves them as they are:
                in a training those of a trained network are in train mode.
        """
        with in_mode(self.module_of(name), train=train_mode):
            return forward_images(self.module_of(name), images)

    def _forward_student(self, network: nn.Module, views: dict[str, View]) -> tuple[dict, dict]:
        losses, outputs = {}, NamedOutputs()
        for group in self.forward_groups:
            parts = {view: views[view] for view in group}
            if can_be_taken_apart(network):
                own, found = split_forward(network, parts, self.perturbation, self.with_accuracy)
            else:
                asked = self.loss_on_labeled or self.class_confidence is not None
                own, found = whole_forward(network, parts, asked)
            losses.update(own)
            outputs.update(found)
        return losses, outputs
