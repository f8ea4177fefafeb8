-- The operations that are not settled yet, for the worker that carries them out; one open operation per resource.
create table open_operations (
    operation_id text primary key,
    reseller_id text not null,
    tenant_id text,
    kind text not null,
    subject text,
    step text not null,
    attempt integer not null default 1,
    due_at timestamptz not null,
    claimed_by text,
    claimed_until timestamptz,
    requested_at timestamptz not null,
    match_keys text[] not null default '{}',
    sealed_payload bytea,
    may_repeat boolean not null default false
);
create unique index one_open_operation_per_resource on open_operations (subject) where subject is not null;
create index open_operations_due on open_operations (due_at);
create index open_operations_match on open_operations using gin (match_keys);

-- What was sent, byte for byte, until its outcome is settled.
create table submitted_requests (
    operation_id text not null,
    step text not null,
    attempt integer not null,
    request_id uuid not null,
    sealed_body bytea not null,
    submitted_at timestamptz not null,
    primary key (operation_id, step, attempt)
);

-- When we last wrote to a resource: an earlier reading of it does not count (readings become true late).
create table last_writes (
    resource text primary key,
    written_at timestamptz not null
);

-- Secrets on their way: redeemed once, only here, gone after 14 days.
create table seals (
    seal_id text primary key,
    reseller_id text not null,
    purpose text not null,
    sealed bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

grant select, insert, update, delete on open_operations, submitted_requests, last_writes, seals to $worker;

-- Mail that must go out, written with the events that cause it; sent at least once with the same Message-ID.
create table outgoing_mail (
    mail_id text primary key,
    reseller_id text not null,
    sealed bytea not null,
    due_at timestamptz not null default now(),
    attempts integer not null default 0
);
grant select, insert, update, delete on outgoing_mail to $worker;
