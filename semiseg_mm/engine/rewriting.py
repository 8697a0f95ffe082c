import copy

from mmengine.config import Config

from semiseg_mm.errors import UserError

KEPT = ('num_classes', 'test_cfg', 'data_preprocessor')


def make_sup_only(cfg: Config) -> Config:
    """Turn a method's config into its yardstick: the same network, labels, stream and schedule.

    The labeled requests, their augmentations and the number of iterations stay what they were.
    """
    cfg = copy.deepcopy(cfg)
    sampler = cfg.train_dataloader.sampler
    if 'labeled' not in sampler:
        raise UserError('--sup-only needs a SourceRatioSampler in train_dataloader.sampler.')
    segmentor = cfg.model.segmentor
    kept = {key: cfg.model[key] for key in KEPT if key in cfg.model}
    cfg.model = dict(
        type='SupOnly', segmentor=segmentor[0] if isinstance(segmentor, list) else segmentor, **kept
    )
    if 'auto_scale_lr' in cfg and not sampler.get('labeled_only'):
        share = sampler.labeled / (sampler.labeled + sampler.get('unlabeled', 0))
        cfg.auto_scale_lr.base_batch_size = round(cfg.auto_scale_lr.base_batch_size * share)
    sampler.labeled_only = True
    hooks = cfg.get('custom_hooks') or []
    cfg.custom_hooks = [hook for hook in hooks if hook['type'] != 'MeanTeacherHook']
    return cfg
