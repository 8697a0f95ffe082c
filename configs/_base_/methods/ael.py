# AEL (Hu et al., NeurIPS 2021) as its code: an EMA teacher in train mode labels labeled and
# unlabeled images; how well each class is known decides which classes are pasted among labeled
# images, whose boxes are pasted among unlabeled ones, and which pixels count. Values as on
# Cityscapes; a leaf for VOC has others. A leaf names the rare classes: model.labeled_mixer.classes.
# Ours: both partners are other images of the batch (there: drawn from all images, the unlabeled
# one by a bank of those that showed the class last; the labeled one at a scale of 0.1 to 2); all
# unlabeled images of a batch are mixed (there: one); a class absent from a batch keeps its
# confidence (there: a 0 is averaged, which absent='sink' gives); padding never counts.
model = dict(
    type='WeakToStrongSegmentor',
    teacher='ema',
    label_in_train_mode=True,
    covers='all',
    class_confidence=dict(type='ClassConfidence', momentum=0.999),
    labeled_mixer=dict(type='ClassPaste', count=3, prob=0.5),
    mixer=dict(type='ClassBoxMix', area=0.005, present=0.01),
    unsupervised=dict(type='ClassSampledCrossEntropy', gamma=2.0),
    weight=1.0,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep')]
views = dict(weak=[], strong=[])
