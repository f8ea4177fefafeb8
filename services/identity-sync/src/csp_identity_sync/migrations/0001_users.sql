create table tenants (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    microsoft_tenant_id text not null,
    domain text not null,
    country text not null
);
-- Names and sign-in names of persons: here and nowhere else, erasable.
create table users (
    user_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    tenant_id text not null,
    microsoft_user_id text not null,
    user_principal_name text,
    display_name text,
    first_name text,
    last_name text,
    usage_location text,
    status text not null,
    is_administrator boolean not null default false,
    sku_ids text[] not null default '{}',
    version bigint not null,
    created_at timestamptz not null
);
create index users_page on users (reseller_id, tenant_id, coalesce(display_name, ''), user_id);
create index users_skus on users using gin (sku_ids);
-- Seats owned, by directory SKU, for filling consumed seats into subscriptions.
create table subscriptions (
    subscription_id text primary key,
    reseller_id text not null,
    tenant_id text not null,
    sku_id text,
    quantity integer not null,
    status text not null,
    commitment_ends_on date
);
create index subscriptions_tenant on subscriptions (reseller_id, tenant_id);
-- Observed users whose names must still be fetched from the feed.
create table names_wanted (
    user_id text primary key,
    reseller_id text not null,
    observation_id text not null
);

grant select, insert, update, delete on tenants, users, subscriptions, names_wanted to $worker;
grant select on tenants, users, subscriptions to $request;
alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_worker on tenants to $worker using (true) with check (true);
create policy tenants_request on tenants to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
alter table users enable row level security;
alter table users force row level security;
create policy users_worker on users to $worker using (true) with check (true);
create policy users_request on users to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
alter table subscriptions enable row level security;
alter table subscriptions force row level security;
create policy subscriptions_worker on subscriptions to $worker using (true) with check (true);
create policy subscriptions_request on subscriptions to $request using (reseller_id = current_setting('csp.reseller', true));
