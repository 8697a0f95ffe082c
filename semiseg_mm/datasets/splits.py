import copy


def apply_split(dataset: dict) -> dict:
    """Write a SemiDataset config's ``split`` into its sources' ``ann_file``.

    A split is a folder (below each source's data_root) with ``labeled.txt`` and
    ``unlabeled.txt``. Returns a copy; configs without a split come back as they are.
    """
    dataset = copy.deepcopy(dataset)
    split = dataset.pop('split', None)
    if split:
        for source in ('labeled', 'unlabeled'):
            if dataset.get(source):
                dataset[source]['ann_file'] = f'{split}/{source}.txt'
    return dataset
