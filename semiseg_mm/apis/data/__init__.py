"""Whatever comes before a training: datasets, masks and lists."""
