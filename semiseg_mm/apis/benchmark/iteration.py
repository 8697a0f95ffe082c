"""One iteration of a training, with its real hooks, and the same network passes without them."""

import argparse
import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from semiseg_mm.datasets import collate_views
from semiseg_mm.datasets.transforms import PackSemiInputs
from semiseg_mm.engine.loops import SemiTrainLoop
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import LOOPS, MODELS, OPTIM_WRAPPERS
from semiseg_mm.testing import toy_config, toy_network
from semiseg_mm.testing.waits import Waits
from semiseg_mm.utils.places import METHODS, ROOT

from .straight import BESIDE, CLASSES, MODULES, TEACHER, Scene, follow

ENDLESS = 10**9
SGD = dict(lr=1e-3, momentum=0.9, weight_decay=1e-4)


@LOOPS.register_module()
class StillLoop(SemiTrainLoop):
    """Begin a training, and leave its iterations to the caller."""

    def run(self) -> nn.Module:
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        return self.runner.model


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Train in bfloat16 on any device: mmengine's wrapper wants a GPU."""

    def optim_context(self, model: nn.Module):
        return torch.autocast(get_device(), torch.bfloat16)


class Iteration:
    """An iteration of a method in a run with the hooks of configs/_base_/default_runtime.py."""

    def __init__(self, method: str, mode: str, args: argparse.Namespace, work_dir: str) -> None:
        cfg = Config.fromfile(METHODS / f'{method}.py')
        run = toy_config(work_dir, dict(cfg.model), max_iters=ENDLESS, views=cfg.views)
        run.custom_hooks = cfg.get('custom_hooks', [])
        run.model.segmentor, run.model.num_classes = network_of(args), CLASSES
        run.default_hooks = Config.fromfile(
            ROOT / 'configs/_base_/default_runtime.py'
        ).default_hooks
        run.default_hooks.checkpoint.interval = ENDLESS
        run.train_cfg = dict(type='StillLoop', max_iters=ENDLESS, val_interval=ENDLESS)
        run.optim_wrapper = dict(
            type='OptimWrapper' if mode == 'fp32' else 'AutocastOptimWrapper',
            optimizer=dict(type='SGD', **SGD),
        )
        if 'optimizer_parts' in cfg:
            run.optim_wrapper.update(
                constructor='PartwiseConstructor', paramwise_cfg=dict(parts=cfg.optimizer_parts)
            )
        run.train_dataloader.sampler.update(cfg.get('sampler_options', {}))
        run.log_level = 'ERROR'
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            self.runner = build_runner(run)
            self.runner.train()
        only = set(cfg.views) if cfg.model.type != 'SupOnly' else set()
        self.batch = batch_of(args.batch, args.size, only)

    def step(self) -> None:
        if not self.runner.model.training:
            self.runner.model.train()
        self.runner.train_loop.run_iter(self.batch)

    def waits(self) -> Counter:
        """Return where an iteration between two logs waits for the device, the worst first."""
        interval = self.runner.cfg.default_hooks.logger.interval
        while not 0 < self.runner.iter % interval < interval - 1:
            self.step()
        with Waits(self.runner.model) as found:
            self.step()
        return Counter(dict(Counter(found.places).most_common()))


def bare_step(
    loss_of: Callable[[Scene], Tensor], mode: str, args: argparse.Namespace
) -> Callable[[], None]:
    """Return a function that makes a step of straight-line code."""
    device, name = get_device(), loss_of.__name__
    beside, module = BESIDE[name], MODULES.get(name)
    nets = [built(network_of(args)).to(device).train() for _ in range(2)]
    nets = nets if beside else nets[:1]
    if beside == TEACHER:
        nets[1].requires_grad_(False).eval()
    images = torch.randn(4, args.batch, 3, args.size, args.size).to(device)
    truth = torch.randint(0, CLASSES, (args.batch, args.size, args.size)).to(device)
    box = torch.zeros_like(truth, dtype=torch.bool)
    box[:, : args.size // 2, : args.size // 2] = True
    module = MODELS.build(module).to(device).train() if module else None
    scene = Scene(nets, images[0], images[1], images[2:], truth, box, module)
    parts = [*nets, module] if module else nets
    trained = [p for part in parts for p in part.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, **SGD)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=mode == 'bf16', cache_enabled=False):
            loss = loss_of(scene)
        loss.backward()
        optimizer.step()
        if beside == TEACHER:
            follow(nets[1], nets[0])

    return step


def network_of(args: argparse.Namespace) -> ConfigDict:
    """Return the config of the network, with random weights and without an auxiliary head."""
    if args.model == 'toy':
        return ConfigDict(toy_network(CLASSES))
    path = ROOT / f'configs/_base_/models/{args.model}.py'
    if not path.exists():
        raise UserError(f"--model {args.model} is no file of configs/_base_/models, and not 'toy'.")
    cfg = Config.fromfile(path).segmentor
    cfg.pop('auxiliary_head', None)
    cfg.backbone.init_cfg = None
    cfg.backbone.depth = args.depth or cfg.backbone.get('depth')
    if args.depth in (18, 34):
        cfg.decode_head.update(in_channels=512, c1_in_channels=64)
    if cfg.backbone.depth is None:
        cfg.backbone.pop('depth')
    text = cfg.to_dict()
    return ConfigDict(_plain_norms(text))


def _plain_norms(value):
    """SyncBN in one process is BatchNorm, and does not run on the CPU."""
    if isinstance(value, dict):
        return {key: _plain_norms(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain_norms(item) for item in value)
    return 'BN' if value == 'SyncBN' else value


def built(cfg: ConfigDict) -> nn.Module:
    cfg = ConfigDict(cfg, num_classes=CLASSES)
    cfg.pop('num_classes'), cfg.pop('data_preprocessor', None)
    cfg.decode_head.num_classes = CLASSES
    return revert_sync_batchnorm(MODELS.build(cfg))


def batch_of(size: int, side: int, views: set[str]) -> dict:
    """Return a batch as the loader gives it: so many labeled images and as many unlabeled ones."""
    rng, pack = np.random.default_rng(0), PackSemiInputs()

    def view(labeled: bool) -> dict:
        found = dict(img=rng.integers(0, 256, (side, side, 3)).astype(np.uint8))
        found.update(
            valid=np.ones((side, side), bool), img_path='generated', ori_shape=(side, side)
        )
        found['crop_offset'] = (0, 0)  # each two images pass for crops of one
        if labeled:
            label = rng.integers(0, CLASSES, (side, side)).astype(np.uint8)
            found.update(gt_seg_map=label, seg_fields=['gt_seg_map'])
        return found

    samples = [pack(view(True)) for _ in range(size)]
    if views:
        named = [dict(views={name: view(name == 'pseudo') for name in views}) for _ in range(size)]
        samples += [pack(one) for one in named]
    batch = collate_views(samples)
    if torch.cuda.is_available():
        batch = torch.utils.data._utils.pin_memory.pin_memory(batch)
    return batch
