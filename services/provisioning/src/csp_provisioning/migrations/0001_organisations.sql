-- What may not be in events: names, mail, phone and street of persons and organisations. Erasable.
create table organisations (
    customer_id text primary key,
    reseller_id text not null,
    name text not null,
    status text not null,
    country text not null,
    address jsonb not null,
    contact jsonb not null,
    version bigint not null default 1,
    created_at timestamptz not null
);
create table tenants (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    microsoft_tenant_id text not null,
    domain text not null,
    company_name text not null,
    country text not null,
    administrator text,
    created_at timestamptz not null
);
create index tenants_customer on tenants (reseller_id, customer_id);
create table resellers (
    reseller_id text primary key,
    name text not null,
    country text not null,
    currency text not null,
    microsoft_tenant_id text not null
);

grant select, insert, update, delete on organisations, tenants, resellers to $worker;
grant select on organisations, tenants to $request;

alter table organisations enable row level security;
alter table organisations force row level security;
create policy organisations_worker on organisations to $worker using (true) with check (true);
create policy organisations_request on organisations to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_worker on tenants to $worker using (true) with check (true);
create policy tenants_request on tenants to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
