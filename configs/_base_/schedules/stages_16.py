# ST and ST++ in small: a teacher trains on 8 labeled images an iteration, as SupOnly does, and a
# student on 16 images of its list.
sampler = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=16)
of_student = dict(cfg=dict(train_dataloader=dict(sampler=sampler)))
of_stage = dict(student=of_student, first_student=of_student)
