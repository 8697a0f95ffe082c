# VOC as ST and ST++ train on it: crop 321, the whole image in tests. There images are resized to a
# long side of 200 to 800; here by 0.4 to 1.6, which is the same for VOC's long side of 500.
_base_ = './voc.py'
crop_size = (321, 321)
test_mode = dict(mode='whole')
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size, scale=(0.4, 1.6), antialias=True, pad_val=0, pad_around=False
    ),
)
