create table resellers (
    reseller_id text primary key,
    country text not null,
    currency text not null
);
create table customers (
    customer_id text primary key,
    reseller_id text not null,
    country text not null
);
-- Which organisation a tenant belongs to, from provisioning's events alone.
create table tenant_customer (
    tenant_id text primary key,
    reseller_id text not null,
    customer_id text not null
);
-- What can be bought: one row per product, term and charge cycle.
create table products (
    reseller_id text not null,
    product text not null,
    term text not null,
    charge_cycle text not null,
    commerce text not null,
    category text not null,
    product_group text not null,
    title text not null,
    segment text not null,
    is_addon boolean not null,
    is_trial boolean not null,
    minimum_quantity integer not null,
    maximum_quantity integer,
    prerequisites text[] not null,
    directory_sku_id text,
    primary key (reseller_id, product, term, charge_cycle)
);
create table price_rows (
    reseller_id text not null,
    row_id text not null,
    version integer not null,
    price_list_id text not null,
    ledger text not null,
    customer_id text,
    product text not null,
    term text not null,
    charge_cycle text not null,
    segment text not null,
    currency text not null,
    valid_from date not null,
    valid_until date,
    unit_price_micro bigint not null,
    primary key (reseller_id, price_list_id, row_id, version)
);
create index price_rows_product on price_rows (reseller_id, product);
create table quotes (
    quote_id text primary key,
    reseller_id text not null,
    customer_id text not null,
    body jsonb not null,
    expires_at timestamptz not null
);
-- Subscriptions that wait for a price: one is locked as soon as a list has it.
create table pending_locks (
    subscription_id text not null,
    ledger text not null,
    reseller_id text not null,
    body jsonb not null,
    primary key (subscription_id, ledger)
);

grant select, insert, update, delete on resellers, customers, tenant_customer, products, price_rows, quotes, pending_locks to $worker;
grant select on customers, products, price_rows, quotes, resellers to $request;

alter table customers enable row level security;
alter table customers force row level security;
create policy customers_worker on customers to $worker using (true) with check (true);
create policy customers_request on customers to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
alter table products enable row level security;
alter table products force row level security;
create policy products_worker on products to $worker using (true) with check (true);
create policy products_request on products to $request using (reseller_id = current_setting('csp.reseller', true));
alter table price_rows enable row level security;
alter table price_rows force row level security;
create policy price_rows_worker on price_rows to $worker using (true) with check (true);
-- A customer's own rows and the global ones; never those of another customer, never cost.
create policy price_rows_request on price_rows to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (
        current_setting('csp.customer', true) = ''
        or (ledger = 'sell' and coalesce(customer_id, current_setting('csp.customer', true)) = current_setting('csp.customer', true))
    )
);
alter table quotes enable row level security;
alter table quotes force row level security;
create policy quotes_worker on quotes to $worker using (true) with check (true);
create policy quotes_request on quotes to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
