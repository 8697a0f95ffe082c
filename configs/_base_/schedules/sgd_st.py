# ST and ST++: 80 epochs on VOC, 240 on Cityscapes, of each stage's own list; 16 images a batch
# (4 GPUs x 4), the last incomplete batch left out; learning rate 0.001 on VOC, in the head tenfold.
# The iterations follow from the lists' sizes: a teacher's list of less than 200 images is doubled;
# a student's has the labels repeated to the number of its pseudo-labeled images, or just beyond.
_base_ = './sgd_head_tenfold.py'
lists = {  # of the family stpp: epochs, labeled, unlabeled images
    'voc/92': (80, 92, 10490),
    'voc/183': (80, 183, 10399),
    'voc/366': (80, 366, 10216),
    'voc/732': (80, 732, 9850),
    'voc/1464': (80, 1464, 9118),
    'voc/1_16': (80, 662, 9920),
    'voc/1_8': (80, 1323, 9259),
    'voc/1_4': (80, 2645, 7937),
    'cityscapes/1_30': (240, 100, 2875),
    'cityscapes/1_8': (240, 372, 2603),
    'cityscapes/1_4': (240, 744, 2231),
}
of_stage = {  # a leaf picks its split, and each training stage finds its own
    name: {
        stage: dict(cfg=dict(train_cfg=dict(max_iters=n // 16 * e, val_interval=n // 16 * e // 10)))
        for stage, n in (
            ('teacher', labeled if labeled >= 200 else 2 * labeled),
            ('first_student', labeled * -(-(unlabeled // 2) // labeled) + unlabeled // 2),
            ('student', labeled * -(-unlabeled // labeled) + unlabeled),
        )
    }
    for name, (e, labeled, unlabeled) in lists.items()
}
oversampled = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=4)
for students in of_stage.values():
    for stage in ('first_student', 'student'):
        students[stage]['cfg']['train_dataloader'] = dict(sampler=oversampled)
del students, stage
