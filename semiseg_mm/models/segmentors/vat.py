from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.perturbations import image_slope, worst_direction
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_choice, check_number

from .weak_to_strong import WeakToStrongSegmentor


@MODELS.register_module()
class VATSegmentor(WeakToStrongSegmentor):
    """Learn on images that were changed to the worst (French et al., BMVC 2020, arXiv:1906.01916).

    It is virtual adversarial training (Miyato et al. 2017) for segmentation. Each image moves by a
    small length in the direction in which the teacher's prediction changes most; there the student
    shall predict what the teacher predicts on the image itself.

    Args:
        segmentor: Config of the network.
        radius: How far an image moves: with ``adaptive`` in units of its own slope, else of the
            square root of its number of values.
        adaptive: Whether steep images move farther.
        direction_of: Whose prediction shall change most, 'teacher' or 'student'; in eval mode.
        step: Of the search, as root mean square over the values of a normalised image.
        teacher, filter, unsupervised, …: The slots of ``WeakToStrongSegmentor``.
    """

    def __init__(
        self,
        segmentor: dict,
        radius: float = 1.0,
        adaptive: bool = True,
        direction_of: str = 'teacher',
        step: float = 0.01,
        teacher: str = 'ema',
        filter: dict | None = dict(type='ConfidentShare', value=0.97),
        pseudo_label: dict = dict(type='SoftPseudoLabel'),
        unsupervised: dict = dict(type='ProbabilityKL', over='all'),
        weight: float = 0.1,
        **kwargs,
    ) -> None:
        check_number('radius', radius, 'VATSegmentor')
        check_choice('direction_of', direction_of, ('teacher', 'student'), 'VATSegmentor')
        check_number('step', step, 'VATSegmentor', above=True)
        if teacher == 'self':
            raise UserError(
                "teacher='self' of VATSegmentor labels images too late to change them: take 'ema' "
                "or 'self_eval'."
            )
        slots = dict(filter=filter, pseudo_label=pseudo_label, unsupervised=unsupervised)
        super().__init__(segmentor, teacher=teacher, weight=weight, **slots, **kwargs)
        self.radius, self.adaptive, self.step = radius, adaptive, step
        self.attacked = direction_of if teacher == 'ema' else 'student'

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        views = super().prepare_views(views)
        for name in self.strong_views:
            own = views[name]
            views[name] = own._replace(inputs=own.inputs + self.change(own))
        return views

    def change(self, view: View) -> Tensor:
        """Return what is added to the images B,C,H,W of a view."""

        def distance(images: Tensor) -> Tensor:
            logits = self.look(self.attacked, images, train_mode=False).logits
            return self.unsupervised(logits, view.target)

        images = view.inputs.float()
        length = image_slope(images) if self.adaptive else images[0].numel() ** 0.5
        return self.radius * length * worst_direction(distance, images, self.step)
