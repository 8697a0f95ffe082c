import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from semiseg_mm.errors import UserError
from semiseg_mm.models import BetaBoxMix, BlendMix, BoxMix, ClassMix, ComplexMix, MixTwice
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View

# two images of 1 x 2 pixels; the first takes its right pixel from the second
MASK = MixMask(torch.tensor([[[False, True]], [[False, False]]]), torch.tensor([1, 0]))


def images(batch, height=40, width=50, channels=3):
    return torch.zeros(batch, channels, height, width)


def masks(mixer, count, batch=2, **size):
    for seed in range(count):
        torch.manual_seed(seed)
        yield mixer.draw(images(batch, **size)).mask


def test_paste_on_maps_by_hand():
    x = torch.tensor([[[1, 2]], [[3, 4]]])  # B,H,W
    assert MASK.paste(x).tolist() == [[[1, 4]], [[3, 4]]]
    assert x.tolist() == [[[1, 2]], [[3, 4]]]


def test_paste_on_images_by_hand():
    x = torch.tensor([[[[1, 2]], [[5, 6]]], [[[3, 4]], [[7, 8]]]])  # B,C,H,W
    assert MASK.paste(x).tolist() == [[[[1, 4]], [[5, 8]]], [[[3, 4]], [[7, 8]]]]


def test_partners_are_taken_from_before_the_mixing():
    """A ring of three, all mixed: everybody shows the next one's own pixels."""
    mix = MixMask(torch.ones(3, 1, 1, dtype=torch.bool), torch.tensor([1, 2, 0]))
    assert mix.paste(torch.tensor([[[1]], [[2]], [[3]]])).flatten().tolist() == [2, 3, 1]


@pytest.mark.parametrize('soft', [False, True])
def test_image_label_confidence_and_valid_are_mixed_alike(soft):
    """All of them hold 10 * image + pixel (valid: its parity), so they must agree afterwards."""
    code = torch.tensor([[[10, 11]], [[20, 22]]])
    view = View(code[:, None].repeat(1, 3, 1, 1).float(), ['one', 'two'], code % 2 == 0)
    label = code[:, None].repeat(1, 4, 1, 1) if soft else code
    mixed_view = view.mixed(MASK)
    mixed_label = PseudoLabel(label, code / 100, code % 2 == 0).mixed(MASK)
    expected = torch.tensor([[[10, 22]], [[20, 22]]])
    assert torch.equal(mixed_view.inputs, expected[:, None].repeat(1, 3, 1, 1).float())
    wanted_label = expected[:, None].repeat(1, 4, 1, 1) if soft else expected
    assert torch.equal(mixed_label.label, wanted_label)
    assert torch.equal(mixed_label.confidence, expected / 100)
    assert torch.equal(mixed_view.valid, expected % 2 == 0)
    assert torch.equal(mixed_label.valid, expected % 2 == 0)
    assert mixed_view.mix is MASK and view.mix is None


def test_one_box_keeps_to_its_area():
    """Shares from 0.25 to 0.5 of the image, both ends reached; each side is rounded by at most
    half a pixel: half of (40 + 50) of 2000 pixels, 0.0225.
    """
    shares = []
    for mask in masks(BoxMix(area=(0.25, 0.5)), 60):
        shares += mask.float().mean((1, 2)).tolist()
    assert 0.25 - 0.0227 <= min(shares) < 0.28
    assert 0.47 < max(shares) <= 0.5 + 0.0227


def test_one_box_is_a_rectangle_of_changing_shape_and_place():
    corners, ratios = set(), []
    for mask in masks(BoxMix(), 40):
        for sample in mask:
            ys, xs = sample.nonzero(as_tuple=True)
            top, left, bottom, right = ys.min(), xs.min(), ys.max() + 1, xs.max() + 1
            assert sample[top:bottom, left:right].all()
            assert sample.sum() == (bottom - top) * (right - left)
            corners.add((int(top), int(left)))
            ratios.append(float((bottom - top) / (right - left)))
    assert len(corners) > 40
    assert min(ratios) < 0.6 and max(ratios) > 1.4  # wide ones and tall ones


def test_boxes_reach_every_pixel():
    seen = torch.zeros(8, 10, dtype=torch.bool)
    for mask in masks(BoxMix(), 60, height=8, width=10):
        seen |= mask.any(0)
    assert seen.all()


@pytest.mark.parametrize(('boxes', 'share'), [(1, 1.0), (2, 0.0), (3, 1.0), (4, 0.0)])
def test_overlapping_boxes_cancel_in_pairs(boxes, share):
    """Boxes that each cover everything: an odd number shows the partner, an even one the image."""
    mixer = BoxMix(boxes=boxes, area=(boxes, boxes), ratio=(1, 1))
    for mask in masks(mixer, 3, height=20, width=20):
        assert mask.float().mean() == share


def test_several_boxes_share_the_area():
    """Three boxes never cover more than 0.5 together, and usually stand apart or overlap."""
    shares = [m.float().mean((1, 2)) for m in masks(BoxMix(boxes=3, area=(0.25, 0.5)), 40)]
    shares = torch.cat(shares)
    assert shares.max() <= 0.5 + 3 * 0.0227 and shares.mean() > 0.15
    assert shares.min() > 0


def test_three_boxes_are_one_box_made_smaller():
    """As in French et al.: both sides of a box are divided by the root of the number of boxes."""
    mixer, mask = BoxMix(boxes=3, area=(0.5, 0.5)), torch.zeros(200, 100, dtype=torch.bool)
    heights, widths = [], []
    for _ in range(200):
        mixer.flip_box(mask.zero_())
        heights.append(mask.any(1).sum().item() / 200)
        widths.append(mask.any(0).sum().item() / 100)
    low, high = 0.5 / 3**0.5, 1 / 3**0.5  # 0.29, 0.58
    assert low - 0.01 < min(heights) < 0.32 and 0.54 < max(heights) < high + 0.01
    assert low - 0.01 < min(widths) < 0.32 and 0.54 < max(widths) < high + 0.01


def test_probability_of_mixing():
    """It is drawn for each image: some batches have one mixed and one unmixed image."""
    assert not any(mask.any() for mask in masks(BoxMix(prob=0), 10))
    assert all(mask.flatten(1).any(1).all() for mask in masks(BoxMix(prob=1), 20))
    mixed = torch.stack([m.flatten(1).any(1) for m in masks(BoxMix(prob=0.5), 60)])
    assert 0.3 < mixed.float().mean() < 0.7
    assert (mixed[:, 0] != mixed[:, 1]).any()


def test_images_of_a_batch_get_their_own_boxes():
    assert all((mask[0] != mask[1]).any() for mask in masks(BoxMix(), 10))


def test_one_image_has_no_partner():
    with pytest.raises(UserError, match=r'train_dataloader.sampler.unlabeled to 2 or more'):
        BoxMix().draw(images(1))


@pytest.mark.parametrize('batch', [2, 3, 5])
def test_partners_are_other_images_and_each_is_one(batch):
    partner = BoxMix().draw(images(batch)).partner.tolist()
    assert sorted(partner) == list(range(batch))
    assert all(k != other for k, other in enumerate(partner))


def test_masks_follow_from_torchs_seed():
    first, again = (list(masks(BoxMix(boxes=3), 3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])


def test_built_by_name_and_pastes_what_it_drew():
    mixer = MODELS.build(dict(type='BoxMix', boxes=3, area=(0.25, 0.5)))
    x = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 20, 20)
    mix = mixer.draw(x)
    pasted = mix.paste(x)
    assert torch.equal(pasted[0, 0], mix.mask[0].float())
    assert torch.equal(pasted[1, 0], (~mix.mask[1]).float())


# ------------------------------------------------------------------ ClassMix


def labels(*rows):
    label = torch.tensor(rows)[:, None]  # B,1,W
    return PseudoLabel(label, torch.ones(label.shape), torch.ones(label.shape, dtype=torch.bool))


def test_class_mix_pastes_whole_classes_of_the_partner():
    """Of two predicted classes one is pasted, wherever the partner has it; both come up."""
    target, seen = labels([0, 0, 1, 1], [2, 3, 2, 3]), set()
    for seed in range(20):
        torch.manual_seed(seed)
        drawn = ClassMix().draw(images(2, 1, 4), target)
        assert drawn.partner.tolist() == [1, 0]
        seen.add((tuple(drawn.mask[0, 0].tolist()), tuple(drawn.mask[1, 0].tolist())))
    classes = {(True, False, True, False), (False, True, False, True)}
    halves = {(True, True, False, False), (False, False, True, True)}
    assert seen == {(a, b) for a in classes for b in halves}


@pytest.mark.parametrize(('rounding', 'of_one', 'of_three'), [('floor', 0, 1), ('ceil', 1, 2)])
def test_class_mix_rounds_as_it_is_told(rounding, of_one, of_three):
    """Half of one class is none or all of it (the paper, DACS); half of three is one or two."""
    mixer = ClassMix(rounding=rounding)
    one = mixer.draw(images(2, 1, 3), labels([0, 0, 0], [5, 5, 5]))
    assert one.mask.sum((1, 2)).tolist() == [3 * of_one] * 2
    three = mixer.draw(images(2, 1, 3), labels([0, 1, 2], [3, 4, 5]))
    assert three.mask.sum((1, 2)).tolist() == [of_three, of_three]


def test_class_mix_leaves_out_what_is_not_valid():
    target = labels([0, 0, 0], [5, 5, 5])
    target.valid[1, 0, 1] = False
    drawn = ClassMix(rounding='ceil').draw(images(2, 1, 3), target)
    assert drawn.mask[:, 0].tolist() == [[True, False, True], [True, True, True]]
    target.valid[:] = False
    assert not ClassMix(rounding='ceil').draw(images(2, 1, 3), target).mask.any()


@pytest.mark.parametrize('count', [2, 4])
def test_complex_mix_pastes_in_half_of_the_cells_of_a_grid(count):
    """All of the partner's class there, and nothing elsewhere."""
    mixer, seen = ComplexMix(grids=[count], rounding='ceil'), set()
    target = labels(*[[0] * 8] * 2)
    target = target._replace(label=target.label.expand(2, 8, 8), valid=target.valid.expand(2, 8, 8))
    for seed in range(10):
        torch.manual_seed(seed)
        mask = mixer.draw(images(2, 8, 8), target).mask
        cells = mask.unflatten(1, (count, -1)).unflatten(3, (count, -1)).transpose(2, 3).flatten(3)
        assert torch.equal(cells.any(3), cells.all(3))
        assert (cells.any(3).sum((1, 2)) == count * count // 2).all()
        seen.add(str(mask.tolist()))
    assert len(seen) > 5
    halves = target._replace(label=(torch.arange(8) > 3).long().expand(2, 8, 8))
    mask = ComplexMix(grids=[4]).draw(images(2, 8, 8), halves).mask
    sides = mask.unflatten(2, (2, 4)).transpose(1, 2).flatten(2).any(2)  # one class of two
    assert (sides.sum(1) == 1).all()


# ------------------------------------------------------------------ labeled partners


def labeled_view(*rows, valid=True):
    """One labeled image a row, of 1 x W pixels; the pixels are 100 and on."""
    label = torch.tensor(rows)[:, None]  # B,1,W
    pixels = 100.0 + torch.arange(label.numel()).view(label.shape)[:, None]
    known = torch.full(label.shape, valid)
    truth = PseudoLabel(label, torch.ones(label.shape), label != 255)
    return View(pixels, [], known, truth)


def test_boxes_paste_labeled_images_with_their_truth():
    """The right pixel comes from the labeled image whose turn it is; three images, two labeled."""
    labeled = labeled_view([7, 8], [9, 255])
    mix = MixMask(torch.tensor([[[False, True]]] * 3), torch.tensor([0, 1, 0]), from_labeled=True)
    taught = PseudoLabel(
        torch.tensor([[[1, 1]]] * 3), torch.full((3, 1, 2), 0.5), torch.ones(3, 1, 2) > 0
    )
    view = View(torch.zeros(3, 1, 1, 2), [], torch.ones(3, 1, 2) > 0, taught).mixed(mix, labeled)
    assert view.inputs[:, 0, 0].tolist() == [[0, 101], [0, 103], [0, 101]]
    assert view.target.label[:, 0].tolist() == [[1, 8], [1, 255], [1, 8]]
    assert view.target.confidence[:, 0].tolist() == [[0.5, 1]] * 3
    assert view.target.valid[:, 0].tolist() == [[True, True], [True, False], [True, True]]


def test_a_label_made_after_the_mixing_is_mixed_as_the_image_was():
    labeled = labeled_view([7, 8], [9, 6])
    mix = MixMask(torch.tensor([[[False, True]]] * 2), torch.tensor([0, 1]), from_labeled=True)
    taught = labels([1, 1], [2, 2])
    view = View(torch.zeros(2, 1, 1, 2), [], torch.ones(2, 1, 2) > 0)
    late = view.mixed(mix, labeled).taught(taught)
    early = view._replace(target=taught).mixed(mix, labeled)
    assert late.target.label.tolist() == early.target.label.tolist() == [[[1, 8]], [[2, 6]]]


def test_hard_truth_becomes_certain_beside_soft_labels():
    labeled = labeled_view([1])
    mix = MixMask(torch.ones(1, 1, 1) > 0, torch.tensor([0]), from_labeled=True)
    soft = PseudoLabel(
        torch.tensor([0.4, 0.6]).view(1, 2, 1, 1),
        torch.full((1, 1, 1), 0.6),
        torch.ones(1, 1, 1) > 0,
        torch.full((1, 1, 1), 0.3),
    )
    mixed = soft.mixed(mix, labeled.target)
    assert mixed.label.flatten().tolist() == [0, 1]
    assert mixed.weight.item() == 1  # what has no weight counts whole


def test_padding_of_labeled_images_is_not_pasted():
    whole = BoxMix(area=(1, 1), partner='labeled')
    for valid in (True, False):
        drawn = whole.draw(torch.zeros(1, 1, 1, 2), None, labeled_view([1, 2], valid=valid))
        assert drawn.from_labeled and drawn.mask.all() == drawn.mask.any() == valid


def test_class_mix_cuts_labeled_images_along_their_truth():
    mixer = ClassMix(partner='labeled')
    torch.manual_seed(0)
    drawn = mixer.draw(torch.zeros(2, 1, 1, 4), None, labeled_view([0, 0, 1, 1], [2, 255, 3, 2]))
    first, second = (set(torch.where(row)[0].tolist()) for row in drawn.mask[:, 0])
    assert first in ({0, 1}, {2, 3}) and second in ({0, 3}, {2})


def test_one_unlabeled_image_may_have_a_labeled_partner():
    drawn = BoxMix(partner='labeled').draw(torch.zeros(1, 1, 1, 2), None, labeled_view([1, 2]))
    assert drawn.partner.tolist() == [0]


def test_labeled_crops_of_another_size_are_refused():
    with pytest.raises(UserError, match='same crop_size'):
        BoxMix(partner='labeled').draw(torch.zeros(1, 1, 1, 3), None, labeled_view([1, 2]))


def test_u2pl_draws_for_the_whole_batch_boxes_of_half_the_image():
    mixer = BoxMix(area=(0.5, 0.5), prob=0.5, prob_of='batch', sides='half')
    drawn = [mask.float().mean((1, 2)) for mask in masks(mixer, 60, height=100, width=200)]
    mixed = [bool(shares.max() > 0) for shares in drawn]
    assert 15 < sum(mixed) < 45
    for shares, any_box in zip(drawn, mixed):
        assert (abs(shares - 0.5) < 0.02).all() if any_box else (shares == 0).all()
    widths = [
        mask.any(1).float().mean().item()
        for mask in masks(BoxMix(area=(0.5, 0.5), sides='half'), 80, height=100, width=200)
    ]
    assert 0.5 <= min(widths) < 0.65 and 0.85 < max(widths) <= 1


def test_misspelt_options_are_named():
    with pytest.raises(UserError, match=r"partner='labelled' of BoxMix .* Did you mean 'labeled'"):
        BoxMix(partner='labelled')
    with pytest.raises(UserError, match="Did you mean 'floor'"):
        ClassMix(rounding='flor')


def test_class_mix_takes_soft_labels_by_their_largest_class():
    hard = labels([0, 0, 1, 1], [1, 0, 1, 0])
    soft = hard._replace(label=torch.nn.functional.one_hot(hard.label, 2).permute(0, 3, 1, 2))
    torch.manual_seed(3)
    one = ClassMix().draw(images(2, 1, 4), hard)
    torch.manual_seed(3)
    assert torch.equal(ClassMix().draw(images(2, 1, 4), soft).mask, one.mask)


def test_class_mix_says_what_it_needs():
    with pytest.raises(UserError, match='BoxMix'):
        ClassMix().draw(images(2))
    with pytest.raises(UserError, match=r'sampler\.unlabeled to 2'):
        ClassMix().draw(images(1), labels([0]))


# ------------------------------------------------------------------ boxes by ratio, partners


def test_boxes_of_a_ratio_keep_to_area_and_ratio():
    mixer = BoxMix(area=(0.1, 0.3), ratio=(0.5, 2.0))
    for mask in masks(mixer, 50, height=100, width=100):
        for one in mask:
            height, width = one.any(1).sum().item(), one.any(0).sum().item()
            assert 0.09 < height * width / 10000 < 0.31 and 0.48 < width / height < 2.1
            assert one.sum() == height * width


def test_a_ratio_is_height_over_width():
    """As in UniMatch."""
    for mask in masks(BoxMix(area=(0.1, 0.1), ratio=(3, 3)), 5, height=100, width=100):
        assert (mask.any(2).sum(1) == 54).all() and (mask.any(1).sum(1) == 18).all()


def test_a_ratio_that_does_not_fit_is_drawn_again():
    for mask in masks(BoxMix(area=(0.4, 0.4), ratio=(0.3, 1 / 0.3)), 50, height=60, width=60):
        assert (mask.sum((1, 2)) > 0.36 * 3600).all()


@pytest.mark.parametrize(
    ('partner', 'expected'),
    [('next', [1, 2, 3, 0]), ('flip', [3, 2, 1, 0]), ('pair', [1, 0, 3, 2])],
)
def test_partners_by_place(partner, expected):
    assert BoxMix(partner=partner).draw(images(4)).partner.tolist() == expected


def test_pairs_need_an_even_batch():
    with pytest.raises(UserError, match='even number of unlabeled images'):
        BoxMix(partner='pair').draw(images(3))


def test_random_partners_are_a_permutation():
    drawn = {tuple(BoxMix(partner='random').draw(images(3)).partner.tolist()) for _ in range(60)}
    assert all(sorted(one) == [0, 1, 2] for one in drawn) and len(drawn) == 6


def test_boxes_have_one_way_to_be_drawn():
    with pytest.raises(UserError, match='not both'):
        BoxMix(ratio=(0.3, 3), sides='half')


def test_labels_of_labeled_partners_must_come_along():
    mix = MixMask(torch.ones(1, 1, 1) > 0, torch.tensor([0]), from_labeled=True)
    view = View(torch.zeros(1, 1, 1, 1), [], torch.ones(1, 1, 1) > 0)
    for labeled in (None, view):
        with pytest.raises(UserError, match='mix_view'):
            view.mixed(mix, labeled)


# ------------------------------------------------------------------ nothing pasted


def test_nobody_shows_the_mean_colour_from_which_nothing_is_learned():
    """The first image loses its right pixel: 0 in the image and in the label, and not valid."""
    view = View(torch.tensor([[[[1.0, 2]]]]), [], torch.ones(1, 1, 2) > 0, labels([7, 8]))
    cut = view.mixed(MixMask(MASK.mask[:1], None))
    assert cut.inputs.tolist() == [[[[1, 0]]]] and cut.valid.tolist() == [[[True, False]]]
    assert cut.target.label.tolist() == [[[7, 0]]]
    assert cut.target.valid.tolist() == [[[True, False]]]


@pytest.mark.parametrize('outside', [False, True])
def test_boxes_may_cut_out_what_is_in_them_or_around_them(outside):
    """Of a single image, which needs no partner."""
    torch.manual_seed(0)
    mixer = BoxMix(area=(0.1, 0.1), ratio=(1, 1), partner='nobody', outside=outside)
    drawn = mixer.draw(images(1))
    assert drawn.partner is None
    assert 0.08 < abs(drawn.mask.float().mean().item() - outside) < 0.12


# ------------------------------------------------------------------ blending


def test_blended_images_labels_and_confidences_are_weighted_means():
    """A quarter of the next image. The second pixel of the first image is padding."""
    valid = torch.tensor([[[True, False]], [[True, True]]])
    view = View(torch.tensor([[[[0.0, 0]]], [[[8.0, 4]]]]), [], valid)
    soft = torch.tensor([[[[1.0, 0]], [[0, 1]]], [[[0.2, 1]], [[0.8, 0]]]])  # B,C,1,W
    target = PseudoLabel(soft, soft.amax(1), valid)
    mix = MixMask(torch.full((2, 1, 1), 0.25), torch.tensor([1, 0]))
    mixed = view._replace(target=target).mixed(mix)
    assert mixed.inputs.flatten().tolist() == [2, 1, 6, 3] and mixed.valid.all()
    torch.testing.assert_close(mixed.target.label[0], torch.tensor([[[0.8, 0.25]], [[0.2, 0.75]]]))
    torch.testing.assert_close(mixed.target.confidence[0, 0], torch.tensor([0.95, 1.0]))
    assert mixed.target.valid.all()
    assert mixed.target.kept.flatten().tolist() == [1, 0.25, 1, 0.75]


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_a_share_of_0_or_1_is_one_of_the_images(share):
    x = torch.randn(2, 3, 4, 4)
    mixed = MixMask(torch.full((2, 1, 1), share), torch.tensor([1, 0])).paste(x)
    assert torch.equal(mixed, x.flip(0) if share else x)


def test_shares_are_drawn_for_each_image_and_lie_at_the_ends_where_alpha_is_small():
    torch.manual_seed(0)
    shares = BlendMix(alpha=0.1).draw(images(400)).mask.flatten()
    assert len(set(shares.tolist())) > 200 and abs(shares.mean() - 0.5) < 0.06
    assert ((shares < 0.1) | (shares > 0.9)).float().mean() > 0.7


def test_hard_labels_cannot_be_blended():
    with pytest.raises(UserError, match="pseudo_label=dict\\(type='SoftPseudoLabel'\\)"):
        labels([0], [1]).mixed(BlendMix().draw(images(2)))
    with pytest.raises(UserError, match='partner'):
        BlendMix(partner='labeled')


# ------------------------------------------------------------------ AugSeg


def test_beta_boxes_are_as_large_as_the_draw_says_and_cut_off_at_the_border(monkeypatch):
    """0.75 of the image stays: sides of a half, 20 x 40, in the image or beyond its border."""
    drawn = lambda a, b: type('Beta', (), dict(sample=lambda self: torch.tensor(0.75)))()  # noqa: E731
    monkeypatch.setattr(torch.distributions, 'Beta', drawn)
    mixer, sizes, centres = BetaBoxMix(margin=0.125), set(), []
    for mask in masks(mixer, 30, height=40, width=80):
        for one in mask:
            ys, xs = one.nonzero(as_tuple=True)
            size = (int(ys.max() - ys.min() + 1), int(xs.max() - xs.min() + 1))
            sizes.add(size)
            assert one.sum() == size[0] * size[1] and size[0] <= 20 and size[1] <= 40
            centres.append(int(ys.max()) + 1 - 10 if ys.min() > 0 else None)
    assert (20, 40) in sizes and len(sizes) > 5  # whole ones, and ones cut off
    centres = [centre for centre in centres if centre is not None]
    assert min(centres) < 14 and max(centres) == 30  # cut off at the bottom, it ends at 40


def test_unsure_images_are_mixed_more_often():
    """With probability 1 - certainty: never, always, at three of four."""
    mixer = BetaBoxMix(prob='unsure', beta=(1e-3, 100.0))  # boxes as large as the image
    target = labels([0, 0], [0, 0], [0, 0])._replace(certainty=torch.tensor([1.0, 0.0, 0.25]))
    mixed = []
    for seed in range(100):
        torch.manual_seed(seed)
        mixed.append(mixer.draw(images(3, 8, 8), target).mask.flatten(1).any(1).tolist())
    never, always, often = torch.tensor(mixed).float().mean(0)
    assert never == 0 and always == 1 and 0.6 < often < 0.9


def test_it_asks_for_a_label_that_knows_how_sure_it_is():
    for target in (None, labels([0], [0])):
        with pytest.raises(UserError, match='certainty=True'):
            BetaBoxMix(prob='unsure').draw(images(2, 1, 1), target)


def test_partners_are_pasted_as_the_first_mixer_left_them():
    """Two images of three pixels. The first mixer pastes truth into the middle of both, the second
    takes the two right pixels of the next image: the left one and an image's own truth are gone."""

    class Drawn(torch.nn.Module):
        def __init__(self, mask, partner, own):
            super().__init__()
            self.partner, self.mix = (
                own,
                MixMask(torch.tensor([[mask]] * 2) > 0, partner, bool(own)),
            )

        def draw(self, images, target, labeled=None):
            return self.mix

    mixer = MixTwice(dict(type='BoxMix'), dict(type='BoxMix'))
    mixer.first = Drawn([0, 1, 0], torch.tensor([0, 1]), 'labeled')
    mixer.second = Drawn([0, 1, 1], torch.tensor([1, 0]), None)
    view = View(torch.tensor([[[[1.0, 2, 3]]], [[[4, 5, 6]]]]), [], torch.ones(2, 1, 3) > 0)
    view = view._replace(target=labels([1, 2, 3], [4, 5, 6]))
    labeled = labeled_view([7, 8, 9], [10, 11, 12])
    truths = [SegDataSample(gt_sem_seg=PixelData(data=row[None])) for row in labeled.target.label]
    mixed = mixer.mix_view(view, labeled._replace(data_samples=truths))
    assert mixed.inputs.flatten().tolist() == [1, 104, 6, 4, 101, 3]
    assert mixed.target.label.flatten().tolist() == [1, 11, 6, 4, 8, 3]


def test_mixing_twice_says_what_it_needs():
    first, second = dict(type='BoxMix', partner='labeled'), dict(type='BoxMix')
    view = View(torch.zeros(2, 1, 1, 1), [], torch.ones(2, 1, 1) > 0)
    with pytest.raises(UserError, match="'ema' or 'self_eval'"):
        MixTwice(first, second).mix_view(view, view)
    with pytest.raises(UserError, match=r'Labeled images belong into MixTwice\.first'):
        MixTwice(second, first)
