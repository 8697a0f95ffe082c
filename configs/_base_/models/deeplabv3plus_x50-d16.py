_base_ = './deeplabv3plus_r50-d16.py'
# The teacher of self-training (Zhu et al. 2020): DeepLabV3+ with ResNeXt-50 32x4d. Reconstruction,
# unverified: the paper's output stride is unknown to us. NVIDIA's code, from which its authors
# came, has SE-ResNeXt-50 at output stride 8.
segmentor = dict(
    backbone=dict(
        type='ResNeXt',
        groups=32,
        base_width=4,
        init_cfg=dict(checkpoint='open-mmlab://resnext50_32x4d'),
    ),
)
