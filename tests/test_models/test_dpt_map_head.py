import pytest
import torch
import torch.nn.functional as F
from mmseg.models import DPTHead
from torch import Tensor, nn

from semiseg_mm.models import DPTMapHead
from semiseg_mm.registry import MODELS

DIMS, GRID = 6, 3
TINY = dict(
    in_channels=[DIMS] * 4,
    in_index=[0, 1, 2, 3],
    embed_dims=DIMS,
    post_process_channels=[2, 3, 4, 5],
    channels=4,
    num_classes=3,
    dropout_ratio=0.0,
    norm_cfg=None,
    align_corners=True,
)


def build() -> DPTMapHead:
    torch.manual_seed(0)
    return MODELS.build(dict(TINY, type='DPTMapHead'))


def maps(batch: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, DIMS, GRID, GRID, generator=generator) for _ in range(4)]


def test_it_is_mmsegs_with_the_class_token_ignored():
    own, other = build(), DPTHead(**TINY, input_transform='multiple_select')
    other.load_state_dict(own.state_dict(), strict=True)
    features = maps()
    pairs = [[x, torch.full((1, DIMS), float('nan'))] for x in features]
    assert torch.equal(own(features), other(pairs))


@pytest.mark.parametrize('batch', [1, 2, 3])
def test_any_number_of_images(batch):
    """mmseg's head would take a batch of two for a map and its token."""
    head, features = build(), maps(batch)
    logits = head(features)
    assert logits.shape == (batch, 3, 32, 32)  # 2, the half of 3, doubled four times
    alone = torch.cat([head([x[i : i + 1] for x in features]) for i in range(batch)])
    torch.testing.assert_close(logits, alone)


def test_it_is_the_published_flow_of_dpt():
    """Straight-line: four maps to four sizes, fused from the smallest up."""
    head = build()
    for p in head.parameters():
        nn.init.normal_(p, std=0.3)
    own = head.reassemble_blocks
    levels = [
        head.convs[i].conv(own.resize_layers[i](own.projects[i].conv(x)))
        for i, x in enumerate(maps())
    ]
    assert [x.shape[-1] for x in levels] == [4 * GRID, 2 * GRID, GRID, (GRID + 1) // 2]

    def residual(unit: nn.Module, x: Tensor) -> Tensor:
        return x + unit.conv2.conv(unit.conv1.conv(x.relu()).relu())

    out = None
    for block, level in zip(head.fusion_blocks, reversed(levels), strict=True):
        if out is None:
            out = level
        else:
            level = F.interpolate(level, out.shape[2:], mode='bilinear', align_corners=False)
            out = out + residual(block.res_conv_unit1, level)
        out = residual(block.res_conv_unit2, out)
        out = F.interpolate(out, scale_factor=2, mode='bilinear', align_corners=True)
        out = block.project.conv(out)
    expected = head.conv_seg(head.project.conv(out).relu())
    torch.testing.assert_close(head(maps()), expected)


def test_it_starts_without_an_opinion():
    """At the published widths: every class about as likely, so that no pseudo label is certain."""
    torch.manual_seed(0)
    wide = dict(embed_dims=384, in_channels=[384] * 4, channels=64, num_classes=21)
    wide['post_process_channels'] = [48, 96, 192, 384]
    head = MODELS.build({**TINY, **wide, 'type': 'DPTMapHead'})
    head.init_weights()
    probs = head([torch.randn(1, 384, 2, 2) for _ in range(4)]).softmax(1)
    assert probs.max() < 3 / 21
