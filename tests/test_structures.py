import pickle

import torch

from semiseg_mm.structures import PseudoLabel, SampleRequest, View


def test_a_request_leaves_crop_and_centre_to_the_pipeline_unless_told():
    request = SampleRequest(3, 7)
    assert (request.index, request.serial, request.seed) == (3, 7, 0)
    assert request.crop_size is None and request.center is None


def test_a_request_survives_the_way_to_a_worker_and_is_compared_by_value():
    request = SampleRequest(3, 7, 11, crop_size=(32, 48), center=(1, 2))
    copied = pickle.loads(pickle.dumps(request))
    assert copied == request and hash(copied) == hash(request)
    assert type(copied) is SampleRequest
    assert request != request._replace(seed=12)


def test_a_view_is_unmixed_unless_told():
    view = View(torch.zeros(1, 3, 2, 2), [], torch.ones(1, 2, 2, dtype=torch.bool))
    assert view.mix is None


def test_parts_of_a_pseudo_label_keep_their_order():
    """Mixing maps over the parts and puts them back by position."""
    fields = ('label', 'confidence', 'valid', 'weight', 'certainty')
    assert PseudoLabel._fields == fields
