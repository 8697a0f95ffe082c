# For methods that are a list of stages.
_base_ = './default_runtime.py'
runner_type = 'StagedRunner'
env_cfg = dict(dist_cfg=dict(timeout=7200))  # seconds that processes wait while others label
