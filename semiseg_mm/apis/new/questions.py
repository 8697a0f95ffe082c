"""Ask on a terminal for what the command line does not say."""

import argparse
import os.path as osp
import sys

from semiseg_mm.errors import UserError

QUESTIONS = (
    ('name', 'Name of the dataset', ''),
    ('images', 'Folder of images, those with and those without masks', ''),
    ('masks', 'Folder of masks, or annotations (labelme, COCO, CVAT, Supervisely)', ''),
    ('unlabeled', 'Another folder of images without masks', 'none'),
    ('val_images', 'Folder of images to validate with', 'a share of the labeled ones'),
    ('val_masks', 'Their masks or annotations', ''),
)
NEEDED = ('name', 'images', 'masks')


def ask(args: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments, completed by answers. Without a terminal nothing is asked."""
    complete = args.images and args.masks and (args.name or args.out)
    if complete:
        return args
    if not sys.stdin.isatty():
        raise UserError(
            'Say where images and masks are: semiseg_mm new NAME --images FOLDER --masks FOLDER.'
        )
    for key, question, otherwise in QUESTIONS:
        skipped = (key == 'name' and args.out) or (key == 'val_masks' and not args.val_images)
        if not getattr(args, key) and not skipped:
            answer = _answer(question, otherwise, key)
            setattr(args, key, [answer] if key == 'unlabeled' and answer else answer or None)
    args.unlabeled = args.unlabeled or []
    return args


def _answer(question: str, otherwise: str, key: str) -> str:
    while True:
        try:
            answer = (
                input(f'{question}{f" [{otherwise}]" if otherwise else ""}: ').strip().strip('\'"')
            )
        except EOFError:
            raise UserError('The input ended before all questions were answered.') from None
        answer = osp.expanduser(answer)
        if answer and key != 'name' and not osp.exists(answer):
            print(f'{answer} does not exist.')
        elif answer or otherwise:
            return answer
