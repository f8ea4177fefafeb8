-- What Microsoft showed last, and what the owner of the subscription holds for true; where they stay apart, there is drift.
alter table resources add column state jsonb;
alter table resources add column confirmed jsonb;
alter table resources add column confirmed_at timestamptz;

create table drifts (
    drift_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    resource text not null,
    resource_id text not null,
    fields jsonb not null,
    suggested_side text not null,
    found_at timestamptz not null,
    version integer not null default 1,
    resolved_at timestamptz,
    side text,
    policy text,
    decided_by text,
    reason text
);
create unique index one_open_drift_per_resource on drifts (resource, resource_id) where resolved_at is null;
create index drifts_of_reseller on drifts (reseller_id, found_at);

grant select, insert, update on drifts to $worker;
grant select on drifts to $request;
alter table drifts enable row level security;
alter table drifts force row level security;
create policy drifts_worker on drifts to $worker using (true) with check (true);
create policy drifts_request on drifts for select to $request using (reseller_id = current_setting('csp.reseller', true));
