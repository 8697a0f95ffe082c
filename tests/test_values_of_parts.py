"""Numbers that cannot be meant are refused where they are taken, in Python as from a config."""

import pytest

from semiseg_mm.datasets import ShapesDataset
from semiseg_mm.datasets.transforms import CutOut, DrawScale, ScaleCrop, StrongView
from semiseg_mm.engine.hooks import MeanTeacherHook
from semiseg_mm.engine.train_plan import TrainPlan
from semiseg_mm.errors import UserError
from semiseg_mm.models import (
    AdvSemSegSegmentor,
    CCTSegmentor,
    ClassConfidence,
    ClassSampledCrossEntropy,
    CorrMatchSegmentor,
    CPSSegmentor,
    DCCSegmentor,
    DualTeacher,
    ECSSegmentor,
    GCTSegmentor,
    IMASSegmentor,
    MeanTeacher,
    MutualCrossEntropy,
    PrevMatchSegmentor,
    S4GANSegmentor,
    S4LSegmentor,
    SelfTrainingSegmentor,
    SoulyGANSegmentor,
    U2PLSegmentor,
    VATSegmentor,
    WeakToStrongSegmentor,
)
from semiseg_mm.models.losses import (
    CleanContrast,
    ProbOhemCrossEntropy,
    RegionalContrast,
    UnreliableContrast,
)
from semiseg_mm.models.mixing import BetaBoxMix, BlendMix, BoxMix, ClassBoxMix, ClassMix, ClassPaste
from semiseg_mm.models.perturbations import BatchColours, ChannelDropout, ComplementaryDropout
from semiseg_mm.models.pseudo_labels import (
    ContextPseudoLabel,
    RunningThreshold,
    Threshold,
    TopShare,
)
from semiseg_mm.testing import toy_network

NAN = float('nan')
NETWORK = toy_network()
WRONG = [
    (Threshold, dict(value=1.5)),
    (Threshold, dict(value=-0.5)),
    (TopShare, dict(end=85)),
    (ContextPseudoLabel, dict(weight=-0.5)),
    (MeanTeacherHook, dict(decay=1.5)),
    (MeanTeacherHook, dict(decay='abc')),
    (MeanTeacherHook, dict(turns=0)),
    (TrainPlan, dict(max_iters=-5)),
    (ScaleCrop, dict(crop_size=0)),
    (ScaleCrop, dict(crop_size=(0, 8))),
    (ScaleCrop, dict(crop_size=(8, 8), flip=2)),
    (ScaleCrop, dict(scale=5)),
    (ScaleCrop, dict(scale='abc')),
    (ScaleCrop, dict(scale=[])),
    (DrawScale, dict(scale=(2, 1))),
    (DrawScale, dict(scale=[1, 'abc'])),
    (ShapesDataset, dict(num_images='abc')),
    (ShapesDataset, dict(num_images=2, start=None)),
    (CutOut, dict(area=(0, 0.5))),
    (StrongView, dict(gray_prob=20)),
    (StrongView, dict(hue=-1)),
    (BoxMix, dict(area=0.5)),
    (BoxMix, dict(area=(0.5, 0.25))),
    (BoxMix, dict(area=(0.5, 25))),
    (BoxMix, dict(area=(0, 0.5))),
    (BoxMix, dict(boxes=0)),
    (BoxMix, dict(prob=50)),
    (BoxMix, dict(ratio=(0, 1))),
    (ClassMix, dict(share=50)),
    (BetaBoxMix, dict(beta=(0, 1))),
    (BetaBoxMix, dict(prob='sure')),
    (BetaBoxMix, dict(margin=8)),
    (BetaBoxMix, dict(side=(0.5, 9))),
    (IMASSegmentor, dict(segmentor=NETWORK, weight=-1)),
    (BlendMix, dict(alpha=0)),
    (ClassBoxMix, dict(area=5)),
    (ClassPaste, dict(count=0)),
    (ClassSampledCrossEntropy, dict(gamma=-1)),
    (ClassConfidence, dict(num_classes=7, momentum=9)),
    (BatchColours, dict(hue=-1)),
    (BatchColours, dict(blur_prob=50)),
    (ChannelDropout, dict(p=-0.1)),
    (ComplementaryDropout, dict(clean=5)),
    (ProbOhemCrossEntropy, dict(thresh=70)),
    (UnreliableContrast, dict(num_classes=7, channels=4, temperature=0)),
    (CleanContrast, dict(num_classes=7, channels=4, temperature=0)),
    (CleanContrast, dict(num_classes=7, channels=4, anchors=0)),
    (RegionalContrast, dict(num_classes=7, channels=4, easy=97)),
    (RegionalContrast, dict(num_classes=7, channels=4, negatives=0.5)),
    (WeakToStrongSegmentor, dict(segmentor=NETWORK, weight=-1)),
    (WeakToStrongSegmentor, dict(segmentor=NETWORK, weight=NAN)),
    (WeakToStrongSegmentor, dict(segmentor=NETWORK, dropped_weight='abc')),
    (WeakToStrongSegmentor, dict(segmentor=NETWORK, rampup_iters=-1)),
    (WeakToStrongSegmentor, dict(segmentor=NETWORK, supervised_weight=-1)),
    (CPSSegmentor, dict(segmentor=NETWORK, weight=-1)),
    (MutualCrossEntropy, dict(agree=-1)),
    (DualTeacher, dict(segmentor=NETWORK, lessons=(), strong_weight=-1)),
    (MeanTeacher, dict(segmentor=NETWORK, weight=-1)),
    (SelfTrainingSegmentor, dict(segmentor=NETWORK, weight=-1)),
    (U2PLSegmentor, dict(segmentor=NETWORK, contrast_weight=-1)),
    (VATSegmentor, dict(segmentor=NETWORK, radius=-1)),
    (S4LSegmentor, dict(segmentor=NETWORK, rotation_weight=-1)),
    (CCTSegmentor, dict(segmentor=NETWORK, perturbations={}, weight=-1)),
    (RunningThreshold, dict(value=1.0)),
    (RunningThreshold, dict(momentum=1.5)),
    (CorrMatchSegmentor, dict(segmentor=NETWORK, regions=0)),
    (CorrMatchSegmentor, dict(segmentor=NETWORK, correlation_weight=-1)),
    (PrevMatchSegmentor, dict(segmentor=NETWORK, growth=1)),
    (PrevMatchSegmentor, dict(segmentor=NETWORK, first=0)),
    (PrevMatchSegmentor, dict(segmentor=NETWORK, snapshots=0)),
    (DCCSegmentor, dict(segmentor=NETWORK, contrast_weight=-1)),
    (AdvSemSegSegmentor, dict(segmentor=NETWORK, weights=(0.01, -1, 0.1))),
    (S4GANSegmentor, dict(segmentor=NETWORK, matching_weight=-1)),
    (GCTSegmentor, dict(segmentor=NETWORK, correction_weight=-1)),
    (GCTSegmentor, dict(segmentor=NETWORK, rampup=300)),
    (ECSSegmentor, dict(segmentor=NETWORK, praise_weight=-1)),
    (SoulyGANSegmentor, dict(segmentor=NETWORK, weight=-1)),
]


@pytest.mark.parametrize(('kind', 'options'), WRONG)
def test_a_number_that_cannot_be_meant_is_named(kind, options):
    name = list(options)[-1]
    with pytest.raises(UserError, match=f'{name}='):
        kind(**options)


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        (BoxMix, dict(area=[1, 1], prob=0, ratio=(0.3, 3.3))),
        (ClassMix, dict(share=1)),
        (Threshold, dict(value=0)),
        (MeanTeacherHook, dict(decay=1)),
        (ScaleCrop, dict(crop_size=[8, 16], flip=0)),
        (ScaleCrop, dict(crop_size=None)),
        (ScaleCrop, dict(scale=[0.5, 1, 2])),
        (DrawScale, dict(scale=(1, 1))),
    ],
)
def test_the_ends_of_a_range_pass(kind, options):
    assert isinstance(kind(**options), kind)
