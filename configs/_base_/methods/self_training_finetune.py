# Fine-tuning of a self-trained network on another dataset's labels; load_from names its
# checkpoint. Where the classes are others, the classifier starts anew. Reconstruction, unverified.
_base_ = './self_training.py'
stages = [dict(type='TrainStage', name='finetune', sup_only=True)]
