import copy

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class SemiDataPreprocessor(BaseDataPreprocessor):
    """Apply the network's own preprocessor to every named view of a training batch.

    A fixed ``size`` would silently pad small crops back up; training batches are stacked as they
    are (and padded to ``size_divisor`` if the network asks for one). ``valid`` comes back stacked,
    False on all padding. Outside training the network's preprocessor is used unchanged.

    Args:
        network: Config of the wrapped network's preprocessor.
    """

    def __init__(self, network: dict | None = None) -> None:
        super().__init__()
        network = copy.deepcopy(network or dict(type='SegDataPreProcessor'))
        self.network = MODELS.build(network)
        if 'size' in network:
            network.update(size=None)
        network['size_divisor'] = network.get('size_divisor') or 1
        self.training_network = MODELS.build(network)

    def forward(self, data: dict, training: bool = False) -> dict:
        if not training or not isinstance(data['inputs'], dict):
            return self.network(data, training)
        inputs, data_samples = {}, {}
        for view, images in data['inputs'].items():
            shapes = {tuple(image.shape) for image in images}
            if len(shapes) > 1:
                raise UserError(
                    f"Images of the view '{view}' differ in shape within a batch: "
                    f'{sorted(shapes)}. Crop them to one size (ScaleCrop does).'
                )
            batch = dict(inputs=images, data_samples=data['data_samples'][view])
            batch = self.training_network(batch, True)
            inputs[view], data_samples[view] = batch['inputs'], batch['data_samples']
            self._pad_valid(batch['data_samples'], batch['inputs'].shape[-2:])
        return dict(inputs=inputs, data_samples=data_samples)

    @staticmethod
    def _pad_valid(data_samples: list, size: torch.Size) -> None:
        """Mark what ``size_divisor`` added on the right and at the bottom as padding."""
        for sample in data_samples:
            for name in {'valid', 'confidence'} & set(sample.keys()):
                pixels = sample.get(name).data  # 1,H,W
                missing = size[0] - pixels.shape[1], size[1] - pixels.shape[2]
                if any(missing):
                    padded = F.pad(pixels, (0, missing[1], 0, missing[0]), value=0)
                    delattr(sample, name)
                    setattr(sample, name, PixelData(data=padded))
