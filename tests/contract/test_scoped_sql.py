"""The lint that refuses SQL without scope: what it sees, and what it lets pass."""

import importlib.util
import sys

import pytest

from csp_testing.folders import repository

spec = importlib.util.spec_from_file_location(
    "lint_scoped_sql", repository() / "tools" / "lint_scoped_sql.py"
)
lint = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = lint
spec.loader.exec_module(lint)

MIGRATION = """
create table things (
    thing_id text primary key,
    reseller_id text not null,
    customer_id text not null
);
create table clocks (
    clock_id text primary key
);
"""


@pytest.fixture
def missing(tmp_path):
    """What a module with this text misses."""
    (tmp_path / "0001.sql").write_text(MIGRATION)
    tables = lint.tenant_tables([tmp_path / "0001.sql"])

    def look(text):
        (tmp_path / "module.py").write_text(text)
        return [fault.missing for fault in lint.faults_in(tmp_path / "module.py", tables)]

    return look


@pytest.mark.parametrize(
    "statement",
    [
        "select * from things where thing_id = %s",
        "update things set reseller_id = %s where thing_id = %s",
        "delete from things",
        "select * from clocks c join things t on t.thing_id = c.clock_id",
        "insert into clocks select thing_id from things where thing_id = %s",
    ],
)
def test_a_statement_that_does_not_say_whose_rows_is_refused(missing, statement):
    assert missing(f"QUERY = '{statement}'") == ["reseller_id"]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from things where reseller_id = %s and thing_id = %s",
        "select * from clocks where clock_id = %s",
        "insert into things (thing_id, reseller_id, customer_id) values (%s, %s, %s)",
        "from things we learn nothing",
    ],
)
def test_a_statement_that_says_so_passes_and_other_text_is_none(missing, statement):
    assert missing(f"QUERY = '{statement}'") == []


def test_who_answers_a_persons_request_names_the_customer_too(missing):
    query = "select * from things where reseller_id = %s"
    assert missing(f"def one(scope):\n    return '{query}'") == ["customer_id"]
    assert missing(f"def one(scope):\n    return '{query} and customer_id = %s'") == []
    assert missing(f"def all():\n    return '{query}'") == []


def test_a_fragment_of_the_same_function_counts_and_another_does_not(missing):
    query = "where = ['{whose} = %s']\n    return f\"select * from things where {{' and '.join(where)}}\""
    assert missing("def some():\n    " + query.format(whose="reseller_id")) == []
    assert missing("def some():\n    " + query.format(whose="thing_id")) == ["reseller_id"]


def test_the_product_passes():
    assert lint.main() == 0
