# For methods that are a list of stages.
_base_ = './default_runtime.py'
runner_type = 'StagedRunner'
