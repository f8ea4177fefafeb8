"""A missing outside tool is a reported skip; where `CSP_REQUIRE` names it, a failure."""

import pytest

from csp_testing.outside_tools import program, unavailable


def test_a_missing_tool_skips_with_the_reason(monkeypatch):
    monkeypatch.delenv("CSP_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="kcat: no program"):
        program("kcat", "no-such-program")


@pytest.mark.parametrize("required", ["kcat", "kafka,kcat", "kafka, kcat"])
def test_a_missing_tool_fails_where_it_is_required(monkeypatch, required):
    monkeypatch.setenv("CSP_REQUIRE", required)
    with pytest.raises(pytest.fail.Exception, match="CSP_REQUIRE names kcat"):
        unavailable("kcat", "it is not there")


def test_another_tool_that_is_required_changes_nothing(monkeypatch):
    monkeypatch.setenv("CSP_REQUIRE", "helm,node")
    with pytest.raises(pytest.skip.Exception):
        unavailable("kcat", "it is not there")


def test_a_tool_that_is_there_is_given_with_its_path():
    assert program("shell", "sh").endswith("/sh")
