"""`csp rate`: the published shape, refusals by JSON path, nothing on standard output when refused."""

import gc
import json
import subprocess
import sys
import time

import pytest

from csp_billing.rating.faults import StoryRefused
from csp_billing.rating.rate import rate
from csp_billing.rating.story_file import parse

BOUGHT = ("2024-03-01", "bought", {"quantity": 5})
CHANGED = ("2024-03-15", "quantity", {"quantity": 10})


@pytest.fixture
def good(story):
    return story([BOUGHT, CHANGED], ["2024-03-01", "2024-03-15"], rule_set="flex")


def refused(content) -> list[str]:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    with pytest.raises(StoryRefused) as caught:
        rate(parse(text))
    return caught.value.faults


def changed(content, path, value):
    at = content
    *way, last = path
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return content


EVENT = ("timeline", 1)


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ((*EVENT, "quantity"), -2, "timeline[1].quantity: must be 1 or more, is -2"),
        ((*EVENT, "quantity"), 0, "timeline[1].quantity:"),
        ((*EVENT, "quantity"), 2.5, "timeline[1].quantity: must be a whole number, is 2.5"),
        ((*EVENT, "quantity"), "5", 'timeline[1].quantity: must be a whole number, is "5"'),
        ((*EVENT, "quantity"), True, "timeline[1].quantity: must be a whole number, is true"),
        ((*EVENT, "quantity"), ..., "timeline[1].quantity: is missing"),
        ((*EVENT, "quantity"), [[["\n"]]], 'timeline[1].quantity: must be a whole number, is [[["\\n"]]]'),
        ((*EVENT, "effectiv_at"), "x", "timeline[1].effectiv_at: is unknown here, effective_at is meant"),
        ((*EVENT, "subscription"), "a\nb", 'timeline[1].subscription: "a\\nb" never begins'),
        ((*EVENT, "effective_on"), "2024-03-15\n", "timeline[1].effective_on: must be a date"),
        (("currency",), "EUR\n", "currency: must be an ISO 4217 code"),
        (("prices", 0, "unit_price"), "10.00\n", "prices[0].unit_price: must be a decimal number"),
        (
            ("prices", 0, "valid_fom"),
            "2024-04-01",
            "prices[0].valid_fom: is unknown here, valid_from is meant",
        ),
        ((*EVENT, "effective_on"), "2024-02-30", "timeline[1].effective_on: must be a date"),
        ((*EVENT, "effective_on"), "15.03.2024", "timeline[1].effective_on: must be a date"),
        ((*EVENT, "effective_on"), "9999-01-01", "timeline[1].effective_on: must be between"),
        (
            (*EVENT, "effective_on"),
            "2024-02-01",
            "timeline[1].effective_on: is before the subscription begins",
        ),
        ((*EVENT, "recorded_on"), ..., "timeline[1].recorded_on: is missing"),
        (
            (*EVENT, "effective_at"),
            "2024-03-15T10:00:00",
            "timeline[1].effective_at: must be a date-time with offset",
        ),
        (
            (*EVENT, "effective_at"),
            "2024-03-16T10:00:00Z",
            "timeline[1].effective_at: must lie on 2024-03-15",
        ),
        (
            (*EVENT, "effective_at"),
            "0001-01-01T00:00:00+10:00",
            "timeline[1].effective_at: must be a date-time",
        ),
        ((*EVENT, "effective_at"), "2024-03-15T24:00:00Z", "timeline[1].effective_at: must be a date-time"),
        ((*EVENT, "effective_at"), "20240315T100000Z", "timeline[1].effective_at: must be a date-time"),
        ((*EVENT, "event"), "quantity_guessed", "timeline[1].event: must be one of"),
        ((*EVENT, "event"), 7, "timeline[1].event: must be one of"),
        ((*EVENT, "seq"), 1, "timeline[1].seq: 1 is taken by timeline[0]"),
        ((*EVENT, "seq"), None, "timeline[1].seq: is missing"),
        ((*EVENT, "subscription"), "S9", 'timeline[1].subscription: "S9" never begins'),
        ((*EVENT, "subscription"), "", "timeline[1].subscription: must be a text"),
        ((*EVENT, "after_run"), -1, "timeline[1].after_run: must be 0 or more"),
        ((*EVENT, "event_id"), "", "timeline[1].event_id: must be a text"),
        ((*EVENT, "event_id"), "seq:1", "timeline[1].event_id: must not be the name of another event"),
        (EVENT, "nonsense", 'timeline[1]: must be an object, is "nonsense"'),
        (("timeline", 0, "product"), "P9", 'timeline[0].product: no price row for "P9"'),
        (("timeline",), {}, "timeline: must be an array"),
        (("timeline",), ..., "timeline: is missing"),
        (("rule_set",), "modern", "rule_set: must be one of legacy_aligned"),
        (("rule_set",), "legacy_aligned", "calendar.report_close_day: is missing"),
        (("currency",), "euro", "currency: must be an ISO 4217 code"),
        (("minor_digits",), 1, "minor_digits: must be 0, 2 or 3"),
        (("minor_digits",), 4, "minor_digits: must be 0 to 3, is 4"),
        (("calendar", "frequency"), "P2M", "calendar.frequency: must be one of P1M, P1Y, P3Y"),
        (("calendar", "anchor"), "day 32", "calendar.anchor: must be"),
        (("calendar", "anchor"), "2024-13-01", "calendar.anchor: must be a date"),
        (("calendar", "report_close_day"), 0, "calendar.report_close_day: must be 1 to 31"),
        (("calendar",), [], "calendar: must be an object"),
        (("prices", 0, "unit_price"), "-1.00", "prices[0].unit_price: must be 0 or more"),
        (("prices", 0, "unit_price"), 10.0, "prices[0].unit_price: must be decimal text"),
        (("prices", 0, "unit_price"), "1e3", "prices[0].unit_price: must be a decimal number"),
        (("prices", 0, "unit_price"), "1.0000001", "prices[0].unit_price: must have at most 6 decimals"),
        (("prices", 0, "per"), "month", "prices[0].per: must be one of"),
        (("prices", 0, "scope"), "reseller", "prices[0].scope: must be one of customer, global"),
        (("prices", 0, "valid_from"), "2024-04-01", "timeline[0].product: no price row"),
        (("settings", "refund_polcy"), "none", "settings.refund_polcy: is unknown here"),
        (("settings", "rule_set"), "nce", 'settings.rule_set: contradicts rule_set, which is "flex"'),
        (("settings", "frequency"), "P1Y", "settings.frequency: contradicts calendar.frequency, which is"),
        (("settings", "free_stub"), "yes", "settings.free_stub: must be true or false"),
        (("settings", "rounding_profile"), "bankers", "settings.rounding_profile: must be one of"),
        (
            ("settings", "tax_rate_percent"),
            "25.12345",
            "settings.tax_rate_percent: must have at most 4 decimals",
        ),
        (("settings", "term"), "P6M", "settings.term: must be one of P1M, P1Y, P3Y"),
        (("settings", "billing_from"), "soon", "settings.billing_from: must be a date"),
        (("runs", 0, "as_of"), "2024-04-01", "runs[1].as_of: must not be before the run above it"),
        (("runs", 0, "as_of"), ..., "runs[0].as_of: is missing"),
        (("runs",), ..., "runs: is missing"),
    ],
)
def test_a_fault_is_named_with_path_and_rule(good, path, value, fault):
    assert any(found.startswith(fault) for found in refused(changed(good, path, value)))


NO_STORIES = ["", "{", "[]", "null", '"x"', '{"a": NaN}', b"\xff\xfe", "{}".encode("utf-16"), "[" * 100_000]


@pytest.mark.parametrize("text", NO_STORIES)
def test_what_is_no_story_at_all_is_refused(text):
    assert refused(text)[0].startswith("$: ")


def test_a_file_may_begin_with_a_byte_order_mark(good):
    assert rate(parse(json.dumps(good).encode("utf-8-sig"))).runs[1].net == 2742


def test_a_name_that_stands_twice_is_refused_with_its_path(good):
    text = json.dumps(good).replace('"quantity": 10', '"quantity": 10, "quantity": 7')
    assert refused(text) == ["timeline[1].quantity: stands twice in this object"]


def test_more_seats_than_there_are_cannot_be_moved(story):
    moved = ("2024-03-05", "moved", {"quantity": 6, "to_subscription": "S2", "product": "P1"})
    assert refused(story([BOUGHT, moved], ["2024-03-31"])) == [
        "timeline[1].quantity: is more than the subscription has"
    ]


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("calendar",), 7, "calendar: must be an object, is 7"),
        (("settings",), [], "settings: must be an object, is []"),
        (("timeline", 1), 5, "timeline[1]: must be an object, is 5"),
        (("runs", 0), "2024-03-01", 'runs[0]: must be an object, is "2024-03-01"'),
    ],
)
def test_what_is_no_object_is_one_fault_and_not_one_for_each_of_its_fields(good, path, value, fault):
    assert refused(changed(good, path, value)) == [fault]


@pytest.mark.parametrize(
    ("percent", "net"), [("12.5", 4375), (12.5, 4375), (33.33, 3333), (15, 4250), (0, 5000)]
)
def test_a_promotion_is_text_or_a_number_as_it_is_written(good, percent, net):
    good["timeline"][0]["promotion_percent"] = percent
    assert rate(parse(json.dumps(good))).runs[0].net == net


@pytest.mark.parametrize("percent", [1e-7, 12.345, True, "15%", -1, 100.5])
def test_a_promotion_that_cannot_be_is_refused(good, percent):
    good["timeline"][0]["promotion_percent"] = percent
    assert refused(good)[0].startswith("timeline[0].promotion_percent: must ")


def test_a_number_without_end_is_refused_in_words_of_the_file(good):
    text = json.dumps(good).replace('"quantity": 10', f'"quantity": {"9" * 5000}')
    assert refused(text) == ["$: is not JSON in UTF-8: a number has more digits than can be read"]
    good["prices"][0]["unit_price"] = "9" * 16
    assert refused(good) == [
        f'prices[0].unit_price: must have at most 15 digits before the point, is "{"9" * 16}"'
    ]


def test_all_faults_are_reported_at_once_in_the_order_of_the_file(good):
    good["currency"] = "x"
    good["timeline"][0]["quantity"] = 0
    good["timeline"][1]["quantity"] = -1
    assert [fault.split(":")[0] for fault in refused(good)] == [
        "currency",
        "timeline[0].quantity",
        "timeline[1].quantity",
    ]


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (
            ("2024-04-01", "edited", {"unit_price": "8.00", "until": "2024-04-01"}),
            "until: must be after effective_on",
        ),
        (("2024-04-01", "credit", {"amount": "0.00"}), "amount: must not be zero"),
        (("2024-04-01", "credit", {"amount": "1.001"}), "amount: must have at most 2 decimals"),
        (("2024-04-01", "corrected", {"refs": [9]}), "refs: 9 is the seq of no other event"),
        (("2024-04-01", "corrected", {}), "refs: is missing"),
        (
            ("2024-04-01", "2024-02-01", "corrected", {"refs": [3]}),
            "effective_on: is before the subscription",
        ),
        (("2024-04-01", "suspension_withdrawn", {}), "refs: there is nothing to withdraw"),
        (("2024-04-01", "bought", {"quantity": 1}), 'subscription: "S1" already began in timeline[0]'),
        (
            ("2024-04-01", "addon", {"subscription": "A1", "product": "P1", "quantity": 1, "base": "S7"}),
            'base: "S7"',
        ),
        (
            ("2024-04-01", "moved", {"quantity": 1, "to_subscription": "S1", "product": "P1"}),
            "to_subscription: ",
        ),
        (("2024-04-01", "anchor", {"anchor_day": 32}), "anchor_day: must be 1 to 31"),
        (("2024-04-01", "plan", {}), "frequency: is missing"),
        (("2024-04-01", "scheduled", {"at": "tomorrow"}), "at: must be one of renewal"),
        (
            ("2024-04-01", "bought", {"subscription": "S2", "quantity": 1, "promotion_percent": "101"}),
            "promotion_pe",
        ),
    ],
)
def test_an_event_that_cannot_be_is_refused(story, event, fault):
    found = refused(story([BOUGHT, event, CHANGED], ["2024-05-01"]))
    assert any(text.startswith(f"timeline[1].{fault}") for text in found)


def test_an_event_delivered_twice_is_no_fault(good):
    good["timeline"][1]["event_id"] = "e-2"
    good["timeline"].append(good["timeline"][1] | {"seq": 3})
    good["timeline"].append(dict(good["timeline"][0]))
    assert len(rate(parse(json.dumps(good))).runs[1].postings) == 2


def run_csp(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from csp_cli.main import main; main()", "rate", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_prints_the_published_shape(good):
    done = run_csp("-", stdin=json.dumps(good))
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert list(printed) == ["runs", "rejections", "total_net"]
    assert list(printed["runs"][1]) == ["as_of", "lines", "net"]
    assert printed["runs"][1]["lines"][0] == {
        "subscription": "S1",
        "product": "P1",
        "kind": "refund",
        "reason": "add_quantity",
        "from": "2024-03-15",
        "to": "2024-03-31",
        "quantity": 5,
        "unit_price": "10.00",
        "amount": "-27.42",
    }


def test_the_command_explains_in_data_and_words(good, tmp_path):
    file = tmp_path / "story.json"
    file.write_text(json.dumps(good))
    why = json.loads(run_csp(str(file), "--why").stdout)["runs"][1]["lines"][0]["why"]
    assert why["rule"] == "R4.4"
    assert why["caused_by"] == ["seq:2"]
    assert why["text"] == (
        "The charge for 5 seats at 10.00 is given back for 17 of its 31 days (2024-03-15 to 2024-03-31), "
        "because seats were added."
    )
    table = run_csp(str(file), "--table").stdout
    assert "Total net 77.42" in table
    assert "-27.42" in table


def test_a_refused_story_prints_only_faults(good):
    good["timeline"][1]["quantity"] = -2
    done = run_csp("-", stdin=json.dumps(good))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "timeline[1].quantity: must be 1 or more, is -2\n"


def test_a_field_that_nothing_reads_is_named_and_changes_nothing(good):
    good["timeline"][1]["comment"] = good["source"] = "an example"
    done = run_csp("-", stdin=json.dumps(good))
    assert (done.returncode, json.loads(done.stdout)["total_net"]) == (0, "77.42")
    assert done.stderr.splitlines() == [
        "note: source: is unknown here and was ignored",
        "note: timeline[1].comment: is unknown here and was ignored",
    ]


def test_many_stories_give_one_result_a_line_in_order(good, story):
    bad = story([("2024-03-01", "bought", {"quantity": -2})], [])
    other = story([BOUGHT], ["2024-03-01"])
    done = run_csp("--lines", "-", stdin="\n".join(json.dumps(each) for each in (good, bad, other)) + "\n")
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 2
    assert (first["total_net"], third["total_net"]) == ("77.42", "50.00")
    assert second == {"error": ["timeline[0].quantity: must be 1 or more, is -2"]}


@pytest.mark.parametrize("rule_set", ["nce", "flex", "legacy_anniversary"])
def test_sixteen_times_the_changes_of_one_day_cost_far_less_than_their_square(story, rule_set):
    def seconds(changes: int) -> float:
        half = changes // 2
        sizes = [
            *range(6, 6 + half),
            *range(6 + half, 6, -1),
        ]  # up and down again, each with seats of its own
        asked = story(
            [BOUGHT, *(("2024-03-15", "quantity", {"quantity": size}) for size in sizes)],
            ["2024-03-01", "2024-03-15", "2024-04-15"],
            rule_set=rule_set,
        )
        text = json.dumps(asked)
        gc.collect()
        gc.disable()  # what else lies in memory is no affair of this
        try:
            began = time.process_time()
            rate(parse(text))
            return time.process_time() - began
        finally:
            gc.enable()

    assert min(seconds(16_000) for _ in range(2)) < 32 * max(seconds(1000) for _ in range(3))


def test_a_name_with_half_a_surrogate_pair_is_still_valid_json(good):
    good["timeline"][0]["subscription"] = good["timeline"][1]["subscription"] = "\ud800"
    done = run_csp("-", stdin=json.dumps(good))
    assert json.loads(done.stdout)["runs"][0]["lines"][0]["subscription"] == "\ud800"


def test_a_file_that_is_not_there_is_named():
    done = run_csp("/nowhere/story.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("/nowhere/story.json: No such file")
