-- R5.7: preview rows are visible, not chargeable. A derived row says by which formula; each version says who made it.
alter table price_rows add column preview boolean not null default false;
alter table price_rows add column market text not null default '';
alter table price_rows add column formula text;
alter table price_rows add column made_at timestamptz not null default '2000-01-01T00:00:00Z';
alter table price_rows add column made_by text not null default 'system';
alter table price_rows add column reason text;

-- The version of each list's stream: a list of many rows must not be read to add one.
create table price_lists (
    price_list_id text primary key,
    reseller_id text not null,
    customer_id text,
    version integer not null
);
insert into price_lists (price_list_id, reseller_id, customer_id, version)
select r.price_list_id, r.reseller_id, r.customer_id,
    (select count(*) from ${schema}_events e where e.originator_id = r.price_list_id)
from price_rows r where r.ledger = 'sell' group by 1, 2, 3;

grant select, insert, update, delete on price_lists to $worker;
grant select on price_lists to $request;
alter table price_lists enable row level security;
alter table price_lists force row level security;
create policy price_lists_worker on price_lists to $worker using (true) with check (true);
create policy price_lists_request on price_lists to $request using (
    reseller_id = current_setting('csp.reseller', true)
    and (current_setting('csp.customer', true) = '' or customer_id = current_setting('csp.customer', true))
);
