-- Customers of each partner as Microsoft lists them, with what each channel has done for them.
create table tenants (
    reseller_id text not null,
    microsoft_tenant_id text not null,
    tenant_id text not null,
    domain text,
    company_name text,
    is_gone boolean not null default false,
    -- first synchronisation: set until the tenant has been read whole for the first time
    is_first_pending boolean not null default false,
    is_found_by_first boolean not null default false,
    -- full comparison
    compare_at timestamptz not null,
    compare_channel text not null default 'comparison',
    compare_claimed_until timestamptz,
    -- directory delta: the sealed link from which the next round goes on
    sealed_delta_link bytea,
    delta_at timestamptz not null,
    delta_claimed_until timestamptz,
    primary key (reseller_id, microsoft_tenant_id)
);
create index tenants_compare on tenants (compare_at) where not is_gone;
create index tenants_delta on tenants (delta_at) where not is_gone;
create index tenants_first on tenants (reseller_id) where is_first_pending;
create unique index tenants_by_id on tenants (tenant_id);

-- What was last published of each resource. An older reading never overwrites a newer one; `digest` null: publish the next.
create table resources (
    reseller_id text not null,
    resource text not null,
    microsoft_id text not null,
    microsoft_tenant_id text not null,
    resource_id text not null,
    digest text,
    person_digest text,
    began_at timestamptz not null,
    is_gone boolean not null default false,
    primary key (reseller_id, resource, microsoft_id)
);
create unique index resources_by_id on resources (resource, resource_id);
create index resources_of_tenant on resources (reseller_id, microsoft_tenant_id, resource);

-- Readings that are wanted: many wishes for one resource are one row, and one call.
create table reads (
    reseller_id text not null,
    resource text not null,
    microsoft_tenant_id text not null,
    microsoft_id text not null,
    due_at timestamptz not null,
    channel text not null,
    changed_at timestamptz,
    -- publish although nothing is new: the owner dropped an earlier reading and asked again
    is_forced boolean not null default false,
    -- read once more after the span of late visibility, where nothing new shows
    is_repeated boolean not null default false,
    wish bigint not null default 1,
    attempts integer not null default 0,
    claimed_until timestamptz,
    primary key (reseller_id, resource, microsoft_tenant_id, microsoft_id)
);
create index reads_due on reads (due_at);

-- Notifications as they came. The same one twice is one row.
create table inbox (
    notification_id bigint generated always as identity primary key,
    reseller_id text not null,
    digest bytea not null,
    event_name text not null,
    resource_uri text,
    changed_at timestamptz,
    body jsonb not null,
    received_at timestamptz not null,
    state text not null default 'received',
    reason text,
    unique (reseller_id, digest)
);
create index inbox_received on inbox (notification_id) where state = 'received';

-- How far the activity log was read, and the records that were seen; they come late and out of order.
create table audit_cursors (
    reseller_id text primary key,
    -- what happened before is shown by the first lists
    began_at timestamptz not null,
    read_to timestamptz not null
);
create table seen_audit (
    reseller_id text not null,
    record_key text not null,
    happened_at timestamptz not null,
    primary key (reseller_id, record_key)
);
create index seen_audit_age on seen_audit (happened_at);

-- When each channel last worked for each customer, or for the reseller as a whole (tenant '').
create table freshness (
    reseller_id text not null,
    microsoft_tenant_id text not null default '',
    channel text not null,
    succeeded_at timestamptz,
    failed_at timestamptz,
    fault text,
    primary key (reseller_id, microsoft_tenant_id, channel)
);

-- The first synchronisation of each reseller; the continuation is where its customer list goes on.
create table first_syncs (
    reseller_id text primary key,
    started_at timestamptz not null,
    listed_at timestamptz,
    finished_at timestamptz,
    sealed_continuation bytea
);

-- Personal fields of what was observed, fetched by the owner by observation id; erased afterwards or on request.
create table observed_persons (
    observation_id text primary key,
    reseller_id text not null,
    microsoft_tenant_id text not null,
    microsoft_id text not null,
    person jsonb not null,
    observed_at timestamptz not null
);
create index observed_persons_of on observed_persons (reseller_id, microsoft_id);
create index observed_persons_age on observed_persons (observed_at);

-- Items that could not be read, scrubbed of secrets, for a person to look at.
create table parked_items (
    parked_id bigint generated always as identity primary key,
    reseller_id text not null,
    source text not null,
    path text not null,
    rule text not null,
    digest bytea not null,
    raw jsonb not null,
    parked_at timestamptz not null,
    unique (reseller_id, source, digest)
);

grant select, insert, update, delete on tenants, resources, reads, inbox, audit_cursors, seen_audit, freshness,
    first_syncs, observed_persons, parked_items to $worker;
grant select on tenants, freshness, first_syncs to $request;

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_worker on tenants to $worker using (true) with check (true);
create policy tenants_request on tenants for select to $request using (reseller_id = current_setting('csp.reseller', true));
alter table freshness enable row level security;
alter table freshness force row level security;
create policy freshness_worker on freshness to $worker using (true) with check (true);
create policy freshness_request on freshness for select to $request using (reseller_id = current_setting('csp.reseller', true));
alter table first_syncs enable row level security;
alter table first_syncs force row level security;
create policy first_syncs_worker on first_syncs to $worker using (true) with check (true);
create policy first_syncs_request on first_syncs for select to $request using (reseller_id = current_setting('csp.reseller', true));

-- What of a reseller's settings matters here, from provisioning's events.
create table reseller_settings (
    reseller_id text primary key,
    close_day integer not null
);
grant select, insert, update on reseller_settings to $worker;
