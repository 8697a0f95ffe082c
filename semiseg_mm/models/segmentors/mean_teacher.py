import torch
from torch import Tensor

from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.models.pseudo_labels import labeled_by
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_choice, check_count, check_number

from .base import Outputs, SemiSegmentor


@MODELS.register_module()
class MeanTeacher(SemiSegmentor):
    """Follow a mean teacher (Tarvainen and Valpola 2017, arXiv:1703.01780).

    The student's probabilities are pulled to those of a teacher whose weights are the running
    mean of the student's. ``MeanTeacherHook`` moves the teacher.

    Args:
        segmentor: Config of the network.
        weight: Of the consistency loss. 100 in TorchSemiSeg (mean over pixels and classes).
        rampup_iters: The weight rises over so many iterations, as exp(-5 (1 - t)^2).
        covers: 'all' compares on labeled and unlabeled images (TorchSemiSeg), 'unlabeled' on
            these alone (PixelSSL).
        student_view, teacher_view: What each of them sees of an unlabeled image.
    """

    def __init__(
        self,
        segmentor: dict,
        weight: float = 100.0,
        rampup_iters: int = 0,
        covers: str = 'all',
        student_view: str = 'weak',
        teacher_view: str = 'weak',
        pseudo_label: dict = dict(type='SoftPseudoLabel'),
        unsupervised: dict = dict(type='ProbabilityMSE'),
        **kwargs,
    ) -> None:
        check_choice('covers', covers, ('all', 'unlabeled'), 'MeanTeacher')
        check_number('weight', weight, 'MeanTeacher')
        check_count('rampup_iters', rampup_iters, 'MeanTeacher')
        super().__init__(
            networks=dict(student=segmentor, teacher=segmentor),
            teachers=dict(teacher='student'),
            student_views=(student_view,),
            loss_on_labeled=covers == 'all',
            **kwargs,
        )
        self.weight = weight
        self.rampup_iters = rampup_iters
        self.student_view = student_view
        self.teacher_view = teacher_view
        self.pseudo_label = MODELS.build(pseudo_label)
        self.unsupervised = MODELS.build(unsupervised)

    def unsupervised_loss(self, views: dict, outputs: Outputs) -> dict[str, Tensor]:
        """Return one mean over all covered images, as in the official code."""
        seen = [views[self.teacher_view]]
        student = [outputs['student'][self.student_view].logits]
        if self.loss_on_labeled:
            seen.append(views['labeled'])
            student.append(outputs['student']['labeled'].logits)
        valid = torch.cat([view.valid for view in seen])
        taught = self.teach('teacher', torch.cat([view.inputs for view in seen])).logits
        target = labeled_by(self.pseudo_label, taught, valid, self.progress)
        loss = self.unsupervised(torch.cat(student), target)
        weight = self.weight * sigmoid_rampup(self.iteration, self.rampup_iters)
        return dict(loss_consistency=weight * loss)
