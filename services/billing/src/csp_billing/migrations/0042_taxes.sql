-- A customer's tax rate in hundredths of a percent from a UTC day on; of two for one day the later one holds (R11.3).
create table tax_rates (
    rate_id bigint generated always as identity primary key,
    reseller_id text not null,
    customer_id text not null,
    effective_on date not null,
    basis_points integer not null check (basis_points between 0 and 100000),
    set_at timestamptz not null,
    set_by text not null
);
create index tax_rates_customer on tax_rates (reseller_id, customer_id, effective_on, rate_id);
grant select, insert on tax_rates to $worker;
grant select on tax_rates to $request;
alter table tax_rates enable row level security;
alter table tax_rates force row level security;
create policy tax_rates_worker on tax_rates to $worker using (true) with check (true);
create policy tax_rates_request on tax_rates to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);

-- What a report was taxed with when it was issued: by rate, on the sum of its lines. Reports from before have none.
alter table reports
    add column tax_minor bigint,
    add column taxes jsonb;
