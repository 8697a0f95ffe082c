# Labels and rankings are of whole images, 1024 x 2048, and at twice that size: one at a time.
_base_ = './sgd_st.py'
optim_wrapper = dict(optimizer=dict(lr=0.004))
train_cfg = dict(epochs=240)
of_stage = {
    stage: dict(batch_size=1) for stage in ('labels', 'ranking', 'reliable_labels', 'other_labels')
}
