import torch
from mmengine.dist import all_gather, get_world_size
from torch import Tensor


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows N,D of all processes, in the order of their ranks; N may differ."""
    if get_world_size() == 1:
        return rows
    counts = torch.cat(all_gather(torch.tensor([len(rows)], device=rows.device))).tolist()
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows
    everything = zip(all_gather(padded), counts, strict=True)
    return torch.cat([own[:count] for own, count in everything])
