# FixMatch in the form of UniMatch V1's repository: no second network. The student's own forward of
# the weak view, in train mode and together with the labeled images, gives the labels.
# Ours: the pasted region's labels come from that forward too (there: from another one of the
# partner in eval mode), and the partner is another image. There it is another crop of the same one,
# which train_dataloader.sampler.crops=2 with model.mixer.partner='pair' gives, for twice as many
# unlabeled crops in a batch (sampler.unlabeled=4): there the second crop is not learned from.
_base_ = './fixmatch.py'
model = dict(teacher='self', joint_forward=[['labeled', 'weak'], ['strong']])
custom_hooks = []
