import torch
from mmengine.structures import PixelData
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.pseudo_labels import stored_label
from semiseg_mm.structures import MixMask, PseudoLabel, View

IN_BATCH = ('next', 'flip', 'pair', 'random')
PARTNERS = (*IN_BATCH, 'labeled')
NOBODY = 'nobody'  # of mixers that paste nothing


def draw_partners(images: Tensor, how: str = 'next', labeled: View | None = None) -> Tensor | None:
    """Return each image's partner, its number in the batch or among the labeled images.

    In the batch it is the 'next' one, the mirrored place ('flip'), the other one of each 'pair',
    or 'random'. With an odd batch the image in the middle of a 'flip' is its own partner; so may
    'random' be. 'labeled' images are taken in turn. 'nobody' is None.
    """
    if how == NOBODY:
        return None
    if how == 'labeled':
        if labeled.inputs.shape[2:] != images.shape[2:]:
            raise UserError(
                f"partner='labeled' pastes crops of {tuple(labeled.inputs.shape[2:])} on crops of "
                f'{tuple(images.shape[2:])}: give both sources the same crop_size.'
            )
        return torch.arange(len(images), device=images.device) % len(labeled.inputs)
    if len(images) < 2:
        raise UserError(
            'CutMix takes the partner from the same batch, and a process has one unlabeled '
            'image: it would mix the image with itself. Set train_dataloader.sampler.unlabeled to '
            "2 or more, or partner='labeled'."
        )
    if how == 'pair' and len(images) % 2:
        raise UserError(
            f"partner='pair' needs an even number of unlabeled images in a process's batch, got "
            f'{len(images)}: set train_dataloader.sampler.unlabeled.'
        )
    places = torch.arange(len(images))
    ways = dict(next=places.roll(-1), flip=places.flip(0), pair=places ^ 1)
    partner = torch.randperm(len(images)) if how == 'random' else ways[how]
    return partner.to(images.device, non_blocking=True)


def labels_to_cut(target: PseudoLabel | None, labeled: View | None, mixer: str) -> PseudoLabel:
    """Return the labels along which a mixer cuts: the partners', which may be labeled images."""
    known = target if labeled is None else labeled.target
    if known is None:
        raise UserError(
            f'{mixer} cuts along pseudo labels, and this method makes them after mixing: use '
            "mixer=dict(type='BoxMix') with it, or partner='labeled'."
        )
    return known


def unpadded(mask: Tensor, partner: Tensor | None, labeled: View | None) -> MixMask:
    """Return what is pasted, without the padding of labeled images."""
    if labeled is not None:
        mask = mask & labeled.valid[partner]
    return MixMask(mask, partner, labeled is not None)


def mix_view(mixer: nn.Module | None, view: View, labeled: View) -> View:
    """Return the view mixed with its partners, its label as well if it is known.

    Only a mixer with ``partner='labeled'`` gets to see the labeled images, with their labels. One
    that mixes in several steps has ``mix_view`` itself, in the place of ``draw``. None mixes
    nothing.
    """
    if mixer is None:
        return view
    if hasattr(mixer, 'mix_view'):
        return mixer.mix_view(view, labeled)
    if getattr(mixer, 'partner', None) != 'labeled':
        return view.mixed(mixer.draw(view.inputs, view.target))
    labeled = labeled._replace(target=stored_label(labeled))
    return view.mixed(mixer.draw(view.inputs, view.target, labeled), labeled)


def mix_alike(view: View, like: View, labeled: View) -> View:
    """Return the view mixed by the mask, and with the partners, of one that is mixed already."""
    if not like.mix.from_labeled:
        return view.mixed(like.mix)
    return view.mixed(like.mix, labeled._replace(target=stored_label(labeled)))


def mix_labeled(mixer: nn.Module, labeled: View) -> View:
    """Return labeled images mixed with each other, and their labels alike."""
    fits = hasattr(mixer, 'draw') and getattr(mixer, 'partner', None) not in ('labeled', NOBODY)
    mix = mixer.draw(labeled.inputs, stored_label(labeled)) if fits else None
    if mix is None or mix.blends:
        raise UserError(
            f'{type(mixer).__name__} as labeled_mixer: each pixel needs the label of one image of '
            "the batch. Take BoxMix, ClassMix, ClassPaste or the like, without partner='labeled' "
            "or 'nobody'."
        )
    mixed = labeled.mixed(mix)
    samples = [sample.new() for sample in labeled.data_samples]
    for key in ('gt_sem_seg', 'valid', 'confidence'):
        if key in samples[0]:
            maps = mix.paste(torch.cat([sample.get(key).data for sample in samples]))  # B,H,W
            for sample, own in zip(samples, maps, strict=True):
                sample.set_field(PixelData(data=own[None]), key, dtype=PixelData)
    return mixed._replace(data_samples=samples)
