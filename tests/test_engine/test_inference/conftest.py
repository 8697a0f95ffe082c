import pytest
import torch
from mmengine.config import ConfigDict

import semiseg_mm.testing  # noqa: F401  (registers the toy backbone)
from semiseg_mm.engine.inference import Predictor, preprocess_of
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_network


@pytest.fixture
def build():
    """A toy network with weights that decide something, as a Predictor."""

    def make(seed: int = 0, test_cfg: dict | None = None, preprocessor=None, **kwargs) -> Predictor:
        torch.manual_seed(seed)
        cfg = ConfigDict(toy_network(num_classes=4))
        cfg.data_preprocessor.pop('size')
        cfg.data_preprocessor.update(preprocessor or {})
        cfg.test_cfg = test_cfg or cfg.test_cfg
        network = MODELS.build(cfg).eval()
        for parameter in network.parameters():
            if parameter.ndim == 4:
                torch.nn.init.normal_(parameter, std=0.4)
        torch.nn.init.zeros_(network.decode_head.conv_seg.bias)
        return Predictor(network, preprocess_of(network.data_preprocessor), **kwargs)

    return make


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)

    def draw(count: int, height: int = 18, width: int = 26) -> list[torch.Tensor]:
        shape = (count, 3, height, width)
        return list(torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator))

    return draw
