"""What the event store promises: all or nothing, once per key, contiguous versions."""

import asyncio

import pytest

from csp_runtime.errors import KeyAlreadyUsed, KeyReused, StoreMisconfigured, VersionConflict
from csp_runtime.public_log import StoredPublicLog
from csp_runtime.store import CommandKey, EventStore
from csp_testing.things import NOW, counted


def key(body: bytes = b"body") -> CommandKey:
    return CommandKey(
        caller="me POST /x", key="k1", request_digest=body, answer={"operation": "op_1"}, at=NOW
    )


async def test_what_is_saved_is_loaded_in_order(store):
    await store.save([counted("ord_a", 1), counted("ord_a", 2), counted("ord_b", 1)])
    assert [event.version for event in await store.load("ord_a")] == [1, 2]
    assert await store.load("ord_a", after=1) == [counted("ord_a", 2)]
    assert await store.load("ord_c") == []
    assert set(await store.load_many(["ord_a", "ord_b", "ord_c"])) == {"ord_a", "ord_b", "ord_c"}


async def test_a_stream_that_moved_on_refuses_and_nothing_is_written(store):
    await store.save([counted("ord_a", 1)])
    with pytest.raises(VersionConflict):
        await store.save([counted("ord_b", 1), counted("ord_a", 1)], key=key())
    assert await store.load("ord_b") == []
    assert store.answer_to("me POST /x", "k1") is None


async def test_the_same_key_is_answered_with_the_first_answer(store):
    await store.save([counted("ord_a", 1)], key=key())
    with pytest.raises(KeyAlreadyUsed) as replay:
        await store.save([counted("ord_a", 2)], key=key())
    assert replay.value.answer == {"operation": "op_1"}
    assert len(await store.load("ord_a")) == 1


async def test_the_same_key_with_another_body_is_refused(store):
    await store.save([counted("ord_a", 1)], key=key())
    with pytest.raises(KeyReused):
        await store.save([counted("ord_a", 2)], key=key(b"other"))


async def test_a_key_wins_once_however_many_try_at_the_same_time(store):
    async def attempt(n: int) -> bool:
        try:
            await store.save([counted(f"ord_{n}", 1)], key=key())
        except KeyAlreadyUsed:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(n) for n in range(8)))) == 1


async def test_what_the_hook_raises_undoes_all(store):
    def refuse(_cursor):
        raise LookupError("no")

    with pytest.raises(LookupError):
        await store.save([counted("ord_a", 1)], also=[refuse])
    assert await store.load("ord_a") == []


async def test_a_store_that_would_hide_events_from_readers_does_not_start(things_url, monkeypatch):
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", "y")
    with pytest.raises(StoreMisconfigured):
        EventStore(things_url, "things")


async def test_readers_of_the_log_miss_nothing_while_many_write(store, database):
    log = StoredPublicLog(database, "things")
    seen: list[tuple[str, int]] = []
    done = asyncio.Event()

    async def read() -> None:
        offset = 0
        while True:
            finished = done.is_set()
            page = await log.read(offset, 50)
            seen.extend((record.stream, record.version) for record in page.records)
            if finished and page.next_offset == offset:
                return
            offset = page.next_offset
            await asyncio.sleep(0)

    async def write(n: int) -> None:
        for version in range(1, 21):
            await store.save([counted(f"ord_{n}", version)])

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(n) for n in range(6)))
    done.set()
    await reader
    assert sorted(seen) == sorted((f"ord_{n}", version) for n in range(6) for version in range(1, 21))
    assert [version for stream, version in seen if stream == "ord_3"] == list(range(1, 21))
