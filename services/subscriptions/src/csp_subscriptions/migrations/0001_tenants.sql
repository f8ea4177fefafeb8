-- Which organisation a tenant belongs to, from provisioning's events alone, and its name at Microsoft.
create table tenants (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    microsoft_tenant_id text not null,
    country text not null
);
grant select, insert, update, delete on tenants to $worker;
grant select on tenants to $request;
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_worker on tenants to $worker using (true) with check (true);
create policy tenants_request on tenants to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);

-- Readings that became facts, and audit records, so that each is written once and an audit record finds its reading.
create table seen_facts (
    fact_id text primary key,
    subscription_id text not null,
    value text not null,
    effective_at timestamptz not null,
    version bigint,
    is_open_reading boolean not null
);
create index seen_facts_open_readings on seen_facts (subscription_id) where is_open_reading;
grant select, insert, update on seen_facts to $worker;

-- The currency in which a reseller buys, for subscriptions that Microsoft tells us of.
create table resellers (
    reseller_id text primary key,
    currency text not null,
    country text not null
);
grant select, insert, update on resellers to $worker;

-- Subscriptions to be read once more, at the end of the span in which old values may still show.
create table rereads (
    subscription_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    due_at timestamptz not null
);
grant select, insert, update, delete on rereads to $worker;
