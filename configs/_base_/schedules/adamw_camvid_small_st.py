# Stages of ST++ on small images: they label and rank at the scales of the training.
_base_ = ['./adamw_camvid_small.py', './stages_16.py']
of_labels = dict(scales=(0.3, 0.4, 0.5))
of_stage = dict(ranking=dict(scales=(0.4,)), reliable_labels=of_labels, other_labels=of_labels)
