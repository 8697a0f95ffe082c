# As adamw_vit.py, but in the backbone the rate also falls from block to block, from 5e-5 in the
# last one; norms, biases and position embeddings do not decay. Ours; the values are not measured.
_base_ = './adamw_vit.py'
optim_wrapper = dict(
    constructor='LayerWiseConstructor',
    paramwise_cfg=dict(_delete_=True, backbone_lr_mult=0.25, decay_rate=0.75),
)
