import pytest
import torch

from semiseg_mm.models import STPlusPlusSegmentor, SupOnly
from semiseg_mm.testing import toy_batch, toy_network


def loss(model_type, batch):
    torch.manual_seed(0)
    model = model_type(toy_network()).eval()
    return model(**model.data_preprocessor(batch, True), mode='loss')['sup.decode.loss_ce']


def only(batch, *views):
    return {key: {name: parts[name] for name in views} for key, parts in batch.items()}


def test_both_parts_are_one_batch_with_one_mean():
    """SupOnly on all images together gives the same loss."""
    batch = toy_batch(labeled=3, unlabeled=1)
    together = {key: dict(labeled=p['labeled'] + p['pseudo']) for key, p in batch.items()}
    torch.testing.assert_close(loss(STPlusPlusSegmentor, batch), loss(SupOnly, together))


@pytest.mark.parametrize('view', ['labeled', 'pseudo'])
def test_a_batch_may_hold_one_part_alone(view):
    """Oversampling draws the mixture, so a batch can lack either."""
    batch = only(toy_batch(), view)
    alone = {key: dict(labeled=parts[view]) for key, parts in batch.items()}
    torch.testing.assert_close(loss(STPlusPlusSegmentor, batch), loss(SupOnly, alone))
