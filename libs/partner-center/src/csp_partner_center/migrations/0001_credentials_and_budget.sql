-- How each reseller proves itself to Microsoft. Secrets are sealed; the key lies outside the database.
create table credentials (
    reseller_id text primary key,
    microsoft_tenant_id text not null,
    client_id text not null,
    sealed_proof bytea not null,
    sealed_refresh_token bytea,
    rotated_at timestamptz,
    consent_required_since timestamptz,
    updated_at timestamptz not null default now()
);

-- The calls that all processes of a reseller share. `next_free_at` is when the next call may start;
-- the rate rises while it is used and falls on 429.
create table budget (
    reseller_id text not null,
    api_group text not null,
    calls_per_minute double precision not null,
    next_free_at timestamptz not null default now() - interval '3 seconds',
    granted_from timestamptz not null default now(),
    is_exploring boolean not null default true,
    throttled_at timestamptz,
    primary key (reseller_id, api_group)
);

grant select, insert, update, delete on credentials, budget to $worker;
