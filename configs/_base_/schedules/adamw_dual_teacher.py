# Dual Teacher on ADE20K: AdamW, 6e-5 for the backbone, tenfold for the head, no decay of norms, a
# linear rate; 200 epochs of the labeled list, whose length a leaf gives; 2 GPUs x (4 + 4).
# Ours: no warm-up; the rate falls to 0 (there: its end is iteration 50000).
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        _delete_=True, custom_keys=dict(norm=dict(decay_mult=0.0), decode_head=dict(lr_mult=10.0))
    ),
)
param_scheduler = [dict(type='PolyLR', eta_min=0, power=1.0, by_epoch=False)]
train_cfg = dict(epochs=200, of='labeled', padded=False)
