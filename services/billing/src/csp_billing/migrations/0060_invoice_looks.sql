-- On which day (UTC) it was last looked which invoices of Microsoft's a reseller has.
create table invoice_looks (
    reseller_id text primary key,
    looked_on date not null
);
grant select, insert, update on invoice_looks to $worker;
alter table invoice_looks enable row level security;
alter table invoice_looks force row level security;
create policy invoice_looks_worker on invoice_looks to $worker using (true) with check (true);
