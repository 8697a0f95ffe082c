import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.models.determinism import resize_cubic
from semiseg_mm.models.recompute import recomputed
from semiseg_mm.registry import MODELS


class PatchEmbed(nn.Module):
    def __init__(self, channels: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, patch_size, stride=patch_size)


class Attention(nn.Module):
    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:  # B,N,C
        q, k, v = self.qkv(x).unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma


class Block(nn.Module):
    def __init__(self, channels: int, num_heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = Attention(channels, num_heads)
        self.ls1 = LayerScale(channels)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = Mlp(channels, mlp_ratio * channels)
        self.ls2 = LayerScale(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


@MODELS.register_module()
class DINOv2(BaseModule):
    """The ViT of DINOv2 (arXiv:2304.07193), without registers, as a backbone of feature maps.

    Weights have the names of the published files (ViT-S, B and L), which load as they are; their
    ``mask_token`` has no place here. The outputs are what blocks give, through the last norm, at
    one stride, without the class token: what UniMatch V2 gives to its DPT head.

    Args:
        img_size: The side that the position embedding is for. For other sizes it is interpolated.
        out_indices: Blocks whose output is given; the published networks have 12 or 24.
        with_cp: Recompute blocks in the backward pass, to save memory.
    """

    def __init__(
        self,
        embed_dims: int = 384,
        num_layers: int = 12,
        num_heads: int = 6,
        mlp_ratio: int = 4,
        patch_size: int = 14,
        img_size: int = 518,
        out_indices: tuple[int, ...] = (2, 5, 8, 11),
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='TruncNormal', layer='Linear', std=0.02))
        self.patch_size = patch_size
        self.grid = img_size // patch_size
        self.out_indices = out_indices
        self.with_cp = with_cp
        self.patch_embed = PatchEmbed(embed_dims, patch_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + self.grid**2, embed_dims))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.blocks = nn.ModuleList(
            Block(embed_dims, num_heads, mlp_ratio) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(embed_dims, eps=1e-6)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """An image whose sides are no multiples of the patch is resized to the nearest ones."""
        height, width = (max(1, int(side / self.patch_size + 0.5)) for side in x.shape[2:])
        sides = (height * self.patch_size, width * self.patch_size)
        if x.shape[2:] != sides:
            x = F.interpolate(x, sides, mode='bilinear', align_corners=True)
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)  # B,N,C
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        x = x + self.positions_of(height, width)
        outs = []
        for i, block in enumerate(self.blocks):
            if self.with_cp and x.requires_grad:
                x = recomputed(block, block, x)
            else:
                x = block(x)
            if i in self.out_indices:
                outs.append(self.norm(x)[:, 1:].transpose(1, 2).unflatten(2, (height, width)))
        return tuple(outs)

    def positions_of(self, height: int, width: int) -> Tensor:
        """Resize the position embeddings as DINOv2's code: bicubic, as if for 0.1 patches more."""
        if (height, width) == (self.grid, self.grid):
            return self.pos_embed
        token, patches = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        patches = patches.transpose(1, 2).unflatten(2, (self.grid, self.grid))
        factors = ((height + 0.1) / self.grid, (width + 0.1) / self.grid)
        if torch.are_deterministic_algorithms_enabled():
            patches = resize_cubic(patches, factors)
        else:
            patches = F.interpolate(patches, scale_factor=factors, mode='bicubic')
        return torch.cat([token, patches.flatten(2).transpose(1, 2)], dim=1)
