# Unlabeled images of the family unimatch, of which an epoch consists.
unlabeled = {
    'coco/1_512': 118055,
    'coco/1_256': 117824,
    'coco/1_128': 117362,
    'coco/1_64': 116438,
    'coco/1_32': 114590,
}
