# Each stage of ST and ST++ trains for 1000 iterations. Labels are made at scales near those of the
# training, 0.75 to 1.25: with those of ST (0.5 to 2) the textures of Shapes are lost.
_base_ = ['./sgd_1k_shapes.py', './stages_16.py']
of_labels = dict(scales=(0.75, 1.0, 1.25))
of_stage = dict(labels=of_labels, reliable_labels=of_labels, other_labels=of_labels)
