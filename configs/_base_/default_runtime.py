default_scope = 'semiseg_mm'
runner_type = 'SemiRunner'
randomness = dict(seed=0)  # the stream and all augmentation follow from it
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
default_hooks = dict(
    timer=dict(type='SharesTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', interval=500, max_keep_ckpts=2, save_best='mIoU'),
    identity=dict(type='IdentityHook'),
    result=dict(type='ResultHook'),
    curves=dict(type='CurveHook'),  # curves.png at the end
    pictures=dict(type='PictureHook'),  # of what the training sees; None: no pictures
)
log_processor = dict(by_epoch=False)
log_level = 'INFO'
visualizer = dict(type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
load_from = None
resume = False
