from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import View

from .partners import mix_view


@MODELS.register_module()
class MixTwice(nn.Module):
    """Paste from images that are mixed themselves (AugSeg).

    An image shows its partner as the first mixer left it. Around that it stays what it was.

    Args:
        first: Config of the mixer that changes the partners.
        second: Config of the mixer that pastes them; its partners are of the same batch.
    """

    def __init__(self, first: dict, second: dict) -> None:
        super().__init__()
        self.first = MODELS.build(first)
        self.second = MODELS.build(second)
        if getattr(self.second, 'partner', None) in ('labeled', 'nobody'):
            raise UserError(
                f"partner='{self.second.partner}' of MixTwice.second: it pastes what the first "
                'mixer made of images of the batch. Labeled images belong into MixTwice.first.'
            )

    def mix_view(self, view: View, labeled: View) -> View:
        if view.target is None:
            raise UserError(
                'MixTwice mixes labels with the images, and this method makes them afterwards: '
                "take a teacher that labels before ('ema' or 'self_eval')."
            )
        mixed = mix_view(self.first, view, labeled)
        return view.mixed(self.second.draw(view.inputs, view.target), mixed)
