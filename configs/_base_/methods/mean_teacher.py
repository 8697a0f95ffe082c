# Mean Teacher as in TorchSemiSeg: no noise beyond the weak view, squared distance of the
# probabilities on labeled and unlabeled images, weight 100, decay 0.99 on parameters.
# Ours: the teacher's BatchNorm runs in eval mode on statistics averaged like its weights
# (there: in train mode), and it moves after the optimizer step (there: in the forward pass).
model = dict(
    type='MeanTeacher',
    weight=100.0,
    rampup_iters=0,
    covers='all',
    student_view='weak',
    teacher_view='weak',
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='ema')]
views = dict(weak=[])
