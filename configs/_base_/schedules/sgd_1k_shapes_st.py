# Each stage of ST and ST++ trains for 1000 iterations: the teacher on 8 labeled images, as SupOnly
# does, a student on 16 images of its list. Labels are made at scales near those of the training,
# 0.75 to 1.25: with those of ST (0.5 to 2) the textures of Shapes are lost.
_base_ = './sgd_1k_shapes.py'
sampler = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=16)
of_student = dict(cfg=dict(train_dataloader=dict(sampler=sampler)))
of_labels = dict(scales=(0.75, 1.0, 1.25))
of_stage = dict(
    student=of_student,
    first_student=of_student,
    labels=of_labels,
    reliable_labels=of_labels,
    other_labels=of_labels,
)
