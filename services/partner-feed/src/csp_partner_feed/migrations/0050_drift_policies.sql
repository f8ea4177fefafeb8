-- What a seat is sold for, from pricing's events: what a difference costs.
create table prices (
    subscription_id text primary key,
    reseller_id text not null,
    currency text not null,
    unit_price_micro bigint not null,
    charge_cycle text not null,
    from_on date not null
);
grant select, insert, update on prices to $worker;

-- Whose side is taken without asking; '' stands for every tenant or every field, the most particular row wins.
create table drift_policies (
    reseller_id text not null,
    tenant_id text not null default '',
    field text not null default '',
    side text not null,
    set_by text not null,
    set_at timestamptz not null,
    reason text not null,
    primary key (reseller_id, tenant_id, field)
);
grant select on drift_policies to $request;
grant select, insert, update, delete on drift_policies to $worker;
alter table drift_policies enable row level security;
alter table drift_policies force row level security;
create policy drift_policies_worker on drift_policies to $worker using (true) with check (true);
create policy drift_policies_request on drift_policies for select to $request
    using (reseller_id = current_setting('csp.reseller', true));

alter table drifts add column money_minor bigint;
alter table drifts add column currency text;
-- What is still to be done so that Microsoft shows our side: field to our value; and why it could not be done.
alter table drifts add column to_enforce jsonb;
alter table drifts add column fault text;
create index drifts_latest on drifts (resource, resource_id, found_at desc);
create index drifts_to_enforce on drifts (resolved_at) where to_enforce is not null;
