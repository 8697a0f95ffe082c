from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()  # in mmengine's own registry: the runner looks nowhere else
def collate_views(batch: list[dict]) -> dict:
    """Samples with different views -> ``{'inputs': {view: [...]}, 'data_samples': {view: [...]}}``.

    A labeled sample has the view 'labeled', an unlabeled one 'weak', 'strong', ...: the batch
    has them all, each with the samples that have it, in the order of the batch.
    """
    inputs: dict[str, list] = {}
    data_samples: dict[str, list] = {}
    for sample in batch:
        for view, packed in sample.items():
            inputs.setdefault(view, []).append(packed['inputs'])
            data_samples.setdefault(view, []).append(packed['data_samples'])
    return dict(inputs=inputs, data_samples=data_samples)
