import torch
import torch.distributed as torch_dist
from mmengine.dist import get_comm_device, get_world_size
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from semiseg_mm.utils import unwrapped
from semiseg_mm.utils.buffers import running_statistics

SMALL = 1 << 20  # numbers in a buffer; a greater one (a bank) is replaced, not written into


class StepGuard:
    """Skip the steps of an optimizer whose losses, gradients or statistics are not finite.

    Of such a step nothing stays: weights and the optimizer's state are not touched, and buffers
    (running statistics, thresholds, banks) are what they were before it. All batches of a gradient
    accumulation are skipped with it, and all processes skip together. The device is waited for
    once a step. Infinite gradients of mixed precision are left to the GradScaler.
    """

    def __init__(self, model: nn.Module, optim_wrapper: OptimWrapper) -> None:
        self.model = unwrapped(model)
        self.wrapper = optim_wrapper
        self.skipped = False  # the last step
        self._fine: list[Tensor] = []
        self._buffers: list[tuple[nn.Module, str, Tensor]] = []
        self._copies: list[tuple[Tensor, Tensor]] = []
        self._update, self._step = optim_wrapper.update_params, optim_wrapper.step
        optim_wrapper.update_params, optim_wrapper.step = self._update_params, self._guarded_step

    def remember(self) -> None:
        """Keep what a forward changes; call it before the first forward of a step."""
        self._buffers = [
            (module, name, buffer)
            for module in self.model.modules()
            for name, buffer in module._buffers.items()
            if buffer is not None
        ]
        small = [buffer for *_, buffer in self._buffers if buffer.numel() <= SMALL]
        self._copies = [(buffer, buffer.clone()) for buffer in small]

    def mend(self) -> None:
        """Let a validation amid an accumulation see what was there before a loss that is NaN."""
        if self._fine and not bool(torch.stack(self._fine).all()):
            self._restore()

    def _update_params(self, loss: Tensor, *args, **kwargs) -> None:
        self._fine.append(loss.detach().isfinite().all())
        self._update(loss, *args, **kwargs)

    def _guarded_step(self, **kwargs) -> None:
        fine, self._fine = [*self._fine, *self._fine_state()], []
        self.skipped = not _all(fine)
        if self.skipped:
            self._restore()
        else:
            self._step(**kwargs)

    def _fine_state(self) -> list[Tensor]:
        tensors = [buffer for _, buffer in running_statistics(self.model)]
        if not hasattr(self.wrapper, 'loss_scaler'):
            groups = self.wrapper.optimizer.param_groups
            tensors += [p.grad for group in groups for p in group['params'] if p.grad is not None]
        tensors = [tensor for tensor in tensors if tensor.numel()]
        if not tensors:
            return []
        greatest = torch._foreach_norm(tensors, float('inf'))
        return [torch.stack([value.float() for value in greatest]).isfinite().all()]

    @torch.no_grad()
    def _restore(self) -> None:
        for module, name, buffer in self._buffers:
            module._buffers[name] = buffer
        for buffer, copy in self._copies:
            buffer.copy_(copy)


def _all(fine: list[Tensor]) -> bool:
    """Return whether all are true, in all processes."""
    found = torch.stack(fine).all().int()
    if get_world_size() > 1:
        found = found.to(get_comm_device())
        torch_dist.all_reduce(found, torch_dist.ReduceOp.MIN)
    return bool(found)
