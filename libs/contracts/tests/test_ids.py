"""Ids are computed both ways and never collide between resellers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csp_contracts.errors import MalformedId
from csp_contracts.ids import Kind, api_id, is_id, kind_of, named_id, uuid_of


@given(st.uuids(), st.sampled_from(Kind))
def test_an_id_can_be_computed_both_ways(uuid: UUID, kind: Kind):
    identifier = api_id(kind, uuid)
    assert uuid_of(identifier) == uuid
    assert kind_of(identifier) is kind
    assert is_id(identifier, kind)
    assert identifier == identifier.lower()


@pytest.mark.parametrize("text", ["", "sub", "sub_", "sub_!!", "xyz_aaaaaaaaaaaaaaaaaaaaaaaaaa", "sub_aaaa"])
def test_what_is_no_id_is_refused(text: str):
    assert not is_id(text, Kind.SUBSCRIPTION)


def test_an_unknown_prefix_is_named():
    with pytest.raises(MalformedId, match="zzz_"):
        kind_of("zzz_aa")


def test_the_same_name_gives_the_same_id_whatever_its_case():
    assert named_id(Kind.SUBSCRIPTION, "res_a", "ABC-1") == named_id(Kind.SUBSCRIPTION, "res_a", "abc-1")


def test_two_resellers_never_share_an_id():
    assert named_id(Kind.SUBSCRIPTION, "res_a", "abc") != named_id(Kind.SUBSCRIPTION, "res_b", "abc")
