import pytest
import torch
import torch.nn.functional as F
from mmseg.models.backbones import VisionTransformer
from torch import Tensor, nn

from semiseg_mm.models import DINOv2
from semiseg_mm.models.backbones.dinov2 import Attention
from semiseg_mm.registry import MODELS

PATCH, GRID, DIMS, HEADS, DEPTH = 14, 3, 8, 2, 3
TINY = dict(
    type='DINOv2',
    embed_dims=DIMS,
    num_heads=HEADS,
    num_layers=DEPTH,
    img_size=GRID * PATCH,
    out_indices=(0, 2),
)
PARTS = ('norm1', 'norm2', 'attn.qkv', 'attn.proj', 'mlp.fc1', 'mlp.fc2')
SCALES, KINDS = ('ls1.gamma', 'ls2.gamma'), ('weight', 'bias')


def tiny(**kwargs) -> DINOv2:
    """All weights random, also those that start as 0 or 1."""
    torch.manual_seed(0)
    model = MODELS.build(dict(TINY, **kwargs))
    for p in model.parameters():
        nn.init.normal_(p, std=0.3)
    return model


def published_names(depth: int) -> set[str]:
    names = {'cls_token', 'pos_embed', 'mask_token'}
    ends = [f'{part}.{kind}' for part in PARTS for kind in ('weight', 'bias')]
    blocks = {f'blocks.{i}.{end}' for i in range(depth) for end in [*ends, *SCALES]}
    pairs = {f'{part}.{kind}' for part in ('patch_embed.proj', 'norm') for kind in KINDS}
    return names | blocks | pairs


def test_attention_is_softmax_of_products():
    torch.manual_seed(0)
    attention, x = Attention(DIMS, HEADS), torch.randn(1, 5, DIMS)
    rows = F.linear(x[0], attention.qkv.weight, attention.qkv.bias)  # N,3C
    width, outs = DIMS // HEADS, []
    for head in range(HEADS):
        q, k, v = (rows[:, i * DIMS + head * width :][:, :width] for i in range(3))
        scores = torch.stack([torch.stack([a @ b for b in k]) for a in q]) / width**0.5
        outs.append(scores.exp() / scores.exp().sum(1, keepdim=True) @ v)
    expected = attention.proj(torch.cat(outs, dim=1))
    torch.testing.assert_close(attention(x)[0], expected)


def folded(own: DINOv2) -> dict[str, Tensor]:
    """The weights of mmseg's ViT that computes the same: it has no layer scale."""
    state, out = own.state_dict(), {}
    for key in ('cls_token', 'pos_embed'):
        out[key] = state[key]
    for kind in KINDS:
        out[f'patch_embed.projection.{kind}'] = state[f'patch_embed.proj.{kind}']
        for i in range(DEPTH):
            old, new = f'blocks.{i}', f'layers.{i}'
            for part, name, scale in (
                ('norm1', 'ln1', None),
                ('norm2', 'ln2', None),
                ('attn.proj', 'attn.attn.out_proj', 'ls1'),
                ('mlp.fc1', 'ffn.layers.0.0', None),
                ('mlp.fc2', 'ffn.layers.1', 'ls2'),
            ):
                value = state[f'{old}.{part}.{kind}']
                if scale:
                    gamma = state[f'{old}.{scale}.gamma']
                    value = value * (gamma[:, None] if value.ndim == 2 else gamma)
                out[f'{new}.{name}.{kind}'] = value
            out[f'{new}.attn.attn.in_proj_{kind}'] = state[f'{old}.attn.qkv.{kind}']
    return out


def test_it_is_mmsegs_vit_with_layer_scale_and_a_norm_on_every_output():
    own = tiny().eval()
    other = VisionTransformer(
        img_size=GRID * PATCH,
        patch_size=PATCH,
        patch_bias=True,
        embed_dims=DIMS,
        num_layers=DEPTH,
        num_heads=HEADS,
        out_indices=TINY['out_indices'],
        norm_cfg=dict(type='LN', eps=1e-6),
    )
    other.eval()  # it returns nothing
    other.load_state_dict(folded(own), strict=True)
    images = torch.randn(2, 3, GRID * PATCH, GRID * PATCH)
    for mine, plain in zip(own(images), other(images), strict=True):
        normed = own.norm(plain.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        torch.testing.assert_close(mine, normed, atol=1e-5, rtol=1e-5)


def test_it_is_timms():
    """At the size of the position embedding; for others timm interpolates it in another way."""
    pytest.importorskip('torchvision', reason='timm needs it')
    timm = pytest.importorskip('timm')
    own = tiny(out_indices=(0, 1, 2)).eval()
    other = timm.create_model(
        'vit_small_patch14_dinov2',
        features_only=True,
        out_indices=(0, 1, 2),
        img_size=GRID * PATCH,
        embed_dim=DIMS,
        num_heads=HEADS,
        depth=DEPTH,
    ).eval()
    state = own.state_dict()
    missing, unexpected = other.model.load_state_dict(state, strict=False)
    assert not missing and set(unexpected) <= {'norm.weight', 'norm.bias'}
    images = torch.randn(2, 3, GRID * PATCH, GRID * PATCH)
    for mine, plain in zip(own(images), other(images), strict=True):
        normed = own.norm(plain.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        torch.testing.assert_close(mine, normed, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(('dims', 'heads', 'weights'), [(384, 6, 22056576), (768, 12, 86580480)])
def test_number_of_weights_is_the_published_one(dims, heads, weights):
    """The files also have the mask token: 1 x C."""
    with torch.device('meta'):
        model = DINOv2(embed_dims=dims, num_heads=heads)
    counted = sum(p.numel() for p in model.parameters())
    block = 12 * dims**2 + 13 * dims + 2 * dims  # four matrices with biases, two norms are 4C of 13
    embedding = (3 * 14 * 14 + 1) * dims + dims + (37 * 37 + 1) * dims
    assert counted == 12 * block + embedding + 2 * dims == weights - dims
    assert model.pos_embed.shape == (1, 1370, dims)


def test_a_published_file_lands_in_its_places(tmp_path):
    """By name and shape; the mask token is left over."""
    source = {key: value + 1 for key, value in tiny().state_dict().items()}
    source['mask_token'] = torch.zeros(1, DIMS)
    assert set(source) == published_names(DEPTH)
    torch.save(source, tmp_path / 'dinov2.pth')
    checkpoint = dict(type='Pretrained', checkpoint=str(tmp_path / 'dinov2.pth'))
    model = MODELS.build(dict(TINY, init_cfg=checkpoint))
    model.init_weights()
    assert all(torch.equal(value, source[key]) for key, value in model.state_dict().items())


def test_from_scratch_linear_layers_have_the_usual_spread():
    model = MODELS.build(dict(TINY, embed_dims=64))
    model.init_weights()
    assert model.blocks[0].mlp.fc1.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert model.pos_embed.std() > 0.01 and (model.blocks[0].ls1.gamma == 1).all()


@pytest.mark.parametrize(
    ('size', 'grid'),
    [((42, 42), (3, 3)), ((70, 98), (5, 7)), ((64, 80), (5, 6)), ((48, 50), (3, 4))],
)
def test_sides_are_rounded_to_whole_patches(size, grid):
    """48 is nearer to 42, 50 to 56."""
    outs = tiny()(torch.randn(2, 3, *size))
    assert [out.shape for out in outs] == [(2, DIMS, *grid)] * 2


def test_an_image_of_another_size_is_resized_as_unimatch_v2_evaluates():
    model, image = tiny().eval(), torch.randn(1, 3, 64, 80)
    resized = F.interpolate(image, (70, 84), mode='bilinear', align_corners=True)
    assert all(torch.equal(a, b) for a, b in zip(model(image), model(resized), strict=True))


def test_positions_have_any_grid():
    """The factors of DINOv2's code must not round to another grid, at the published 37 x 37."""
    model = tiny(img_size=37 * PATCH, embed_dims=2, num_layers=0)
    grids = [grid for side in range(1, 90) for grid in ((side, 37), (37, side))]
    expected = {grid: (1, 1 + grid[0] * grid[1], 2) for grid in grids}
    assert {grid: tuple(model.positions_of(*grid).shape) for grid in grids} == expected


def test_positions_are_kept_at_their_own_grid_and_rows_are_rows():
    model = tiny()
    assert model.positions_of(GRID, GRID) is model.pos_embed
    with torch.no_grad():  # every row of patches has its number
        model.pos_embed[:, 1:] = torch.arange(3.0).repeat_interleave(3)[None, :, None]
    found = model.positions_of(6, 4)[0, 1:, 0].view(6, 4)
    torch.testing.assert_close(found, found[:, :1].expand_as(found))
    assert (found[1:, 0] > found[:-1, 0]).all()
    assert torch.equal(model.positions_of(6, 4)[:, 0], model.pos_embed[:, 0])


def test_checkpointing_changes_memory_only():
    images, grads = torch.randn(1, 3, 42, 42), []
    for with_cp in (False, True):
        model = tiny(with_cp=with_cp, out_indices=(2,)).train()
        model(images)[0].square().mean().backward()
        grads.append([p.grad for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
