from mmseg.models import EncoderDecoder
from mmseg.models.utils import resize
from torch import Tensor, finfo

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_share, check_size

from .decode_heads import ImageClassHead
from .segmentors.loading import unwrap_checkpoint


@MODELS.register_module()
class FilteredEncoderDecoder(EncoderDecoder):
    """Take away, in tests, classes that a classifier does not find in an image (MLMT).

    That is the second network of Mittal et al., TPAMI 2021. It is a network with an
    ``ImageClassHead``, trained in a run of its own. It has no part in the training of this one and
    never changes, but is in its checkpoint, and in what is published or exported.

    Args:
        classifier: Its config; ``init_cfg`` names its checkpoint. It sees the same normalised
            images, and has as many classes.
        threshold: Classes that are less probable are taken away, the most probable one never.
        size: (h, w) at which it sees what the network sees: an image, or a window of it.
    """

    def __init__(
        self,
        *args,
        classifier: dict,
        threshold: float = 0.2,
        size: tuple[int, int] = (320, 320),
        **kwargs,
    ) -> None:
        check_share('threshold', threshold, 'FilteredEncoderDecoder')
        check_size('size', size, 'FilteredEncoderDecoder')
        super().__init__(*args, **kwargs)
        head = dict(classifier.get('decode_head') or {}, num_classes=self.num_classes)
        own = {key: value for key, value in classifier.items() if key != 'data_preprocessor'}
        self.classifier = MODELS.build(dict(own, decode_head=head)).eval()
        if not isinstance(getattr(self.classifier, 'decode_head', None), ImageClassHead):
            raise UserError(
                'classifier of FilteredEncoderDecoder says which classes an image has: its '
                'decode_head must be an ImageClassHead, as that of the run that trained it.'
            )
        if self.out_channels != self.num_classes:
            raise UserError(
                f'FilteredEncoderDecoder takes classes away, but decode_head.out_channels is '
                f'{self.out_channels} for {self.num_classes} classes: make them equal.'
            )
        self.classifier.requires_grad_(False)
        self.classifier._register_load_state_dict_pre_hook(unwrap_checkpoint, with_module=True)
        self.threshold, self.size = threshold, size

    def init_weights(self) -> None:
        if not self.classifier.init_cfg:
            raise UserError(
                'classifier of FilteredEncoderDecoder is not trained here: set classifier.init_cfg'
                "=dict(type='Pretrained', checkpoint=…) to one of its own run."
            )
        super().init_weights()

    def train(self, mode: bool = True) -> 'FilteredEncoderDecoder':
        super().train(mode)
        self.classifier.eval()
        return self

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        logits = super().encode_decode(inputs, batch_img_metas)
        return logits.masked_fill(self.absent(inputs), finfo(logits.dtype).min)

    def absent(self, images: Tensor) -> Tensor:
        """Return which classes B,C,1,1 images have not."""
        seen = resize(images, self.size, mode='bilinear', align_corners=False)
        found = self.classifier._forward(seen).float().sigmoid()  # B,C,1,1
        return (found < self.threshold) & (found < found.amax(1, keepdim=True))
