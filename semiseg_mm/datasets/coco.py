from mmseg.datasets.basesegdataset import BaseSegDataset

from semiseg_mm.registry import DATASETS


def colour(label: int) -> list[int]:
    """VOC's colour of a label: its bits in turn are the highest bits of red, green and blue."""
    rgb = [0, 0, 0]
    for shift in range(8):
        for channel in range(3):
            rgb[channel] |= (label >> (3 * shift + channel) & 1) << (7 - shift)
    return rgb


@DATASETS.register_module()
class COCO81Dataset(BaseSegDataset):
    """COCO's 80 things in the order of their category ids, and background as class 0.

    Not COCO-Stuff: stuff is background here.
    """

    METAINFO = dict(
        classes=(
            'background', 'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train',
            'truck', 'boat', 'traffic light', 'fire hydrant', 'stop sign', 'parking meter', 'bench',
            'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe',
            'backpack', 'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard',
            'sports ball', 'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard',
            'tennis racket', 'bottle', 'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl',
            'banana', 'apple', 'sandwich', 'orange', 'broccoli', 'carrot', 'hot dog', 'pizza',
            'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet',
            'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven',
            'toaster', 'sink', 'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear',
            'hair drier', 'toothbrush',
        ),
        palette=[colour(label) for label in range(81)],
    )  # fmt: skip
