_base_ = './deeplabv3plus_r50-d8.py'
# As ST++'s code has it: whole channels are dropped behind the pyramid, single values before the
# classifier. A published network has mmseg's head.
segmentor = dict(decode_head=dict(type='DropoutASPPHead', pyramid_dropout=0.5, dropout_ratio=0.1))
