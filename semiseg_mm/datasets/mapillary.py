from mmseg.datasets import MapillaryDataset_v1, MapillaryDataset_v2

from semiseg_mm.registry import DATASETS


class _UnlabeledIgnored:
    """mmseg's classes less the last one, 'Unlabeled', which becomes 255 when a mask is loaded.

    mmseg's own way, a shorter ``metainfo.classes``, goes over each mask once for each class.
    """

    @classmethod
    def get_label_map(cls, new_classes=None) -> dict[int, int]:
        return {**(super().get_label_map(new_classes) or {}), len(cls.METAINFO['classes']): 255}


@DATASETS.register_module()
class MapillaryVistas12(_UnlabeledIgnored, MapillaryDataset_v1):
    """Mapillary Vistas v1.2: 65 classes."""

    METAINFO = {key: names[:-1] for key, names in MapillaryDataset_v1.METAINFO.items()}


@DATASETS.register_module()
class MapillaryVistas20(_UnlabeledIgnored, MapillaryDataset_v2):
    """Mapillary Vistas v2.0: 123 classes."""

    METAINFO = {key: names[:-1] for key, names in MapillaryDataset_v2.METAINFO.items()}
