"""The only fakes of the test suite: a network of a few hundred weights, and a batch for it."""

from collections.abc import Iterable

import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from semiseg_mm.datasets.shapes import CLASSES
from semiseg_mm.registry import MODELS

STRONG = [dict(type='StrongView')]
VIEWS = dict(weak=[], strong=STRONG, strong1=STRONG, strong2=STRONG)
LABELED = ('labeled', 'pseudo')  # the views that come with labels


@MODELS.register_module()
class ToyBackbone(nn.Sequential):
    """Two convolutions with BatchNorm, and dropout, so that randomness and statistics matter."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__(
            nn.Conv2d(3, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(0.2),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (super().forward(x),)


def toy_network(num_classes: int = 3, channels: int = 6) -> dict:
    """Config of an mmseg EncoderDecoder around the toy backbone."""
    return dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, size=(64, 64)
        ),
        backbone=dict(type='ToyBackbone', channels=channels),
        decode_head=dict(
            type='FCNHead',
            in_channels=channels,
            channels=channels,
            in_index=0,
            num_convs=1,
            num_classes=num_classes,
            norm_cfg=dict(type='BN'),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss'),
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def toy_batch(
    labeled: int = 2,
    unlabeled: int = 2,
    size: int = 16,
    num_classes: int = 3,
    seed: int = 0,
    views: Iterable[str] = (*VIEWS, 'pseudo'),
) -> dict:
    """Make a batch as ``collate_views`` returns it; one row and column are padding.

    ``views`` are those of the unlabeled images: a method's are the keys of its ``views``. Each two
    images pass for crops of one, which lie at one place.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs: dict[str, list] = {}
    data_samples: dict[str, list] = {}
    counts = dict(labeled=labeled, **dict.fromkeys(views, unlabeled))
    for view, count in counts.items():
        for _ in range(count):
            image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)
            valid = torch.ones(1, size, size, dtype=torch.bool)
            valid[:, -1] = valid[:, :, -1] = False
            meta = dict(img_shape=(size, size), ori_shape=(size, size), crop_offset=(0, 0))
            sample = SegDataSample(metainfo=meta)
            sample.valid = PixelData(data=valid)
            if view in LABELED:
                label = torch.randint(0, num_classes, (1, size, size), generator=generator)
                sample.gt_sem_seg = PixelData(data=label.masked_fill(~valid, 255))
            inputs.setdefault(view, []).append(image)
            data_samples.setdefault(view, []).append(sample)
    return dict(inputs=inputs, data_samples=data_samples)


def toy_config(
    work_dir: str,
    model: dict,
    max_iters: int = 6,
    workers: int = 0,
    views: dict = VIEWS,
    **extra,
) -> Config:
    """Make a whole run of a method on a few tiny scenes; ``extra`` is merged in.

    ``views`` are a method's: the steps of each. For a view with labels the second source gives its
    own, in the place of a network's.
    """
    scale_crop = dict(type='ScaleCrop', crop_size=(16, 16), scale=(0.75, 1.5))
    scenes = dict(type='ShapesDataset', size=(24, 24))
    load = dict(type='LoadShapes')
    pack = dict(type='PackSemiInputs')
    network = toy_network(num_classes=len(CLASSES))
    cfg = Config(
        dict(
            default_scope='semiseg_mm',
            custom_imports=dict(imports=['semiseg_mm.testing']),
            runner_type='SemiRunner',
            work_dir=str(work_dir),
            randomness=dict(seed=3),
            model=dict(segmentor=network, **model),
            train_dataloader=dict(
                num_workers=workers,
                sampler=dict(type='SourceRatioSampler', labeled=2, unlabeled=2),
                collate_fn=dict(type='collate_views'),
                dataset=dict(
                    type='SemiDataset',
                    labeled=dict(scenes, num_images=5, pipeline=[load, scale_crop, pack]),
                    unlabeled=dict(
                        scenes,
                        start=100,
                        num_images=7,
                        with_labels=not set(LABELED).isdisjoint(views),
                        pipeline=[load, scale_crop, dict(type='MultiView', views=views), pack],
                    ),
                ),
            ),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=0.01)),
            param_scheduler=[dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False)],
            train_cfg=dict(type='SemiTrainLoop', max_iters=max_iters, val_interval=3),
            val_dataloader=dict(
                batch_size=2,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(
                    scenes, split='val', num_images=4, pipeline=[load, dict(type='PackSegInputs')]
                ),
            ),
            val_cfg=dict(type='NetworksValLoop'),
            val_evaluator=dict(type='ConfusionMetric'),
            default_hooks=dict(
                timer=dict(type='SharesTimerHook'),
                logger=dict(type='LoggerHook', interval=2, log_metric_by_epoch=False),
                checkpoint=dict(type='AtomicCheckpointHook', interval=3, save_best='mIoU'),
                identity=dict(type='IdentityHook'),
                result=dict(type='ResultHook'),
            ),
            log_processor=dict(by_epoch=False),
            log_level='WARNING',
        )
    )
    cfg.merge_from_dict(extra)
    return cfg
