from semiseg_mm.apis.label_exchange.coco_import import load_coco
from semiseg_mm.errors import UserError

from .shapes import Annotated, Encoded


def read_coco(files: list[str]) -> tuple[list[Annotated], list[str]]:
    """Read COCO's JSON: polygons and RLE. Later annotations lie on top of earlier ones."""
    found, names = [], []
    for file in files:
        content = load_coco(file)
        categories = sorted(content['categories'], key=lambda one: str(one['id']).zfill(9))
        titles = {one['id']: str(one['name']) for one in categories}
        names += [name for name in titles.values() if name not in names]
        images = {
            image['id']: Annotated(image['file_name'], (image['height'], image['width']), file)
            for image in content['images']
        }
        for annotation in content['annotations']:
            if not annotation.get('segmentation'):
                raise UserError(
                    f'{file}: the annotation {annotation.get("id")} has no segmentation, only a '
                    'box: draw its outline or delete it.'
                )
            shape = Encoded(annotation['segmentation'])
            images[annotation['image_id']].shapes.append((titles[annotation['category_id']], shape))
        found += images.values()
    return found, names
