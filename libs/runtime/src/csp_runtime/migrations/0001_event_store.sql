-- The notification log of the eventsourcing library; its recorder expects these names and this shape.
create table ${schema}_events (
    originator_id text not null,
    originator_version bigint not null,
    topic text not null,
    state bytea not null,
    notification_id bigserial,
    primary key (originator_id, originator_version)
) with (autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.01);
create unique index ${schema}_events_notification_id_idx on ${schema}_events (notification_id);
create type stored_event_text as (originator_id text, originator_version bigint, topic text, state bytea);

-- A command's key, written in the transaction of its events: the same key can never act twice.
create table command_keys (
    caller text not null,
    key text not null,
    request_digest bytea not null,
    answer jsonb not null,
    created_at timestamptz not null,
    constraint command_keys_pkey primary key (caller, key)
);
create index command_keys_created_at on command_keys (created_at);

-- How far each consumer has read each source. It advances by compare-and-set, together with the effects.
create table positions (
    consumer text not null,
    source text not null,
    next_offset bigint not null,
    primary key (consumer, source)
);

-- The newest version of each stream whose effects a consumer has written.
create table known_versions (
    consumer text not null,
    stream text not null,
    version bigint not null,
    primary key (consumer, stream)
);

-- Records that could not be read, or whose rule raised. `detail` names the fault, never the content.
create table dead_letters (
    id bigint generated always as identity primary key,
    consumer text not null,
    source text not null,
    source_offset bigint not null,
    stream text not null,
    version bigint not null,
    type text not null,
    code text not null,
    detail text not null,
    at timestamptz not null default now(),
    retried_at timestamptz,
    unique (consumer, stream, version, source, source_offset)
);

-- Streams that wait: for a missing version to be fetched from its owner, or for a person to decide.
create table parked_streams (
    consumer text not null,
    stream text not null,
    context text not null,
    reason text not null,
    since timestamptz not null default now(),
    primary key (consumer, stream)
);

-- How far the relay has published the log.
create table relay_position (
    context text primary key,
    notification_id bigint not null
);

grant select, insert on ${schema}_events to $worker;
-- The recorder serialises writers by `lock table … in exclusive mode`, which PostgreSQL allows to who may update.
grant update, delete on ${schema}_events to $worker;
grant usage on sequence ${schema}_events_notification_id_seq to $worker;
grant select, insert, update, delete on command_keys, positions, known_versions, dead_letters, parked_streams, relay_position to $worker;
