import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import Pixels, shared, shrunk, unflipped
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View
from semiseg_mm.utils import check_count, check_number, check_share

from .base import Output, Outputs, SemiSegmentor
from .parts import derived_part

CROPS = ('first', 'second')


@MODELS.register_module()
class DCCSegmentor(SemiSegmentor):
    """Make pixels independent of their context (DCC, Lai et al., CVPR 2021, arXiv:2106.14133).

    An unlabeled image comes as two crops that overlap, so each pixel of the overlap is seen twice,
    among different surroundings. Its less sure representation is pulled to the surer one, and away
    from pixels of other classes.

    Args:
        segmentor: Config of the network.
        projector: Config of the head that gives the representations; it takes ``in_channels``.
        contrast: Config of the loss.
        contrast_weight: Of the loss.
        stride: Pixels along a side of the cells that are compared; the sampler's ``stride``.
        supervised_until: Until this share of the training only labels are learned.
    """

    def __init__(
        self,
        segmentor: dict,
        projector: dict = dict(type='ConvProjector'),
        contrast: dict = dict(type='DirectionalContrast'),
        contrast_weight: float = 0.1,
        stride: int = 8,
        supervised_until: float = 0.0,
        **kwargs,
    ) -> None:
        check_number('contrast_weight', contrast_weight, 'DCCSegmentor')
        check_count('stride', stride, 'DCCSegmentor', least=1)
        check_share('supervised_until', supervised_until, 'DCCSegmentor')
        super().__init__(dict(student=segmentor), {}, CROPS, **kwargs)
        self.add_auxiliary('projector', projector, in_channels=self.embedding_channels)
        channels = self.auxiliaries['projector'].out_channels
        self.contrast = derived_part(contrast, 'model.contrast', channels=channels)
        self.contrast_weight, self.stride = contrast_weight, stride
        self.supervised_until = supervised_until

    def prepare_views(self, views: dict[str, View]) -> dict[str, View]:
        weak = views['weak']
        offsets = [sample.metainfo.get('crop_offset', (0.5,)) for sample in weak.data_samples]
        sides = (*weak.inputs.shape[2:], *(side for offset in offsets for side in offset))
        if any(side % self.stride for side in sides):
            raise UserError(
                'DCC compares two crops of an image that overlap, cell by cell. These are no such '
                f'crops, or they or their distance are no multiples of stride={self.stride}: set '
                'train_dataloader.sampler.crops=2, overlap=(0.1, 1.0) and '
                f'stride={self.stride} there, and dataset.crop_size to multiples of it.'
            )
        for number, name in enumerate(CROPS):
            own = slice(number, None, 2)
            views[name] = View(weak.inputs[own], weak.data_samples[own], weak.valid[own])
        return views

    def unsupervised_loss(self, views: dict[str, View], outputs: Outputs) -> dict[str, Tensor]:
        crops = [self._cells(views[name], outputs['student'][name]) for name in CROPS]
        if self.progress < self.supervised_until:
            return dict(loss_contrast=0 * sum(crop.features.sum() for crop in crops))
        offsets = [sample.metainfo['crop_offset'] for sample in views['first'].data_samples]
        shifts = [[side // self.stride for side in offset] for offset in offsets]
        pixels = [Pixels.each(lambda x: x.flatten(0, 2), crop) for crop in crops]
        loss = self.contrast(*shared(crops, shifts), pixels)
        return dict(loss_contrast=self.contrast_weight * loss)

    def _cells(self, view: View, output: Output) -> Pixels:
        """Return the cells B,h,w of images as they were before some were flipped."""
        size = [side // self.stride for side in view.valid.shape[1:]]
        features = self.auxiliaries['projector'](shrunk(output.embedding, size)).float()
        features = F.normalize(features, dim=1).permute(0, 2, 3, 1)  # B,h,w,D
        logits = shrunk(output.coarse.detach().float(), size)
        confidence, label = logits.softmax(1).max(1)
        inside = shrunk(view.valid.unsqueeze(1).float(), size)[:, 0] == 1
        found = Pixels(features, label.masked_fill(~inside, -1), confidence)
        flips = [sample.metainfo.get('flip', False) for sample in view.data_samples]
        return Pixels.each(lambda x: unflipped(x, flips), found)
