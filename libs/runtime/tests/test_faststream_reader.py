"""A program of somebody else, written with FastStream, reads our topics without a line of ours."""

import pytest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from csp_runtime.kafka_publisher import KafkaPublisher
from csp_runtime.public_log import StoredPublicLog
from csp_testing.probe import eventually
from csp_testing.things import counted

pytestmark = pytest.mark.kafka


async def test_a_faststream_reader_sees_the_events_of_a_stream_in_order(
    store, database, kafka, kafka_context
):
    await store.save([counted("ord_a", version) for version in range(1, 6)])
    publisher = KafkaPublisher(kafka, kafka_context)
    await publisher.start()
    page = await StoredPublicLog(database, kafka_context).read(0, 100)
    await publisher.publish(kafka_context, page.records)
    await publisher.stop()

    broker = KafkaBroker(kafka.bootstrap)
    seen = []

    @broker.subscriber(
        f"csp.{kafka_context}",
        group_id=f"erp-{kafka_context}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def book(body: dict[str, int], message: KafkaMessage) -> None:
        seen.append((message.headers["ce_type"], message.headers["ce_id"], body["number"]))

    async with broker:
        await broker.start()
        await eventually(lambda: len(seen) == 5, within=30)
    assert seen == [("csp.things.thing-counted.v1", f"ord_a:{n}", n) for n in range(1, 6)]
