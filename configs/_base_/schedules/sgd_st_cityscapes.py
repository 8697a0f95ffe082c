_base_ = './sgd_st.py'
optim_wrapper = dict(optimizer=dict(lr=0.004))
