-- What every object has: when it was made and changed, its version, its origin, and its ids elsewhere. Where to go on from it
-- differs by surface and follows from its ids: the gateway adds it when a row is read, because bytes out of the database cost most.
alter table customers add column origin text not null default 'api';
alter table subscriptions add column created_at timestamptz;

create or replace function show_customer() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'id', new.customer_id,
        'name', new.name,
        'country', new.country,
        'status', new.status,
        'external_refs', new.external_refs,
        'version', new.version,
        'created_at', instant(new.created_at),
        'updated_at', instant(new.updated_at),
        'origin', new.origin
    );
    return new;
end $$$$;

create or replace function show_tenant() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'id', new.tenant_id,
        'customer_id', new.customer_id,
        'microsoft_tenant_id', new.microsoft_tenant_id,
        'domain', new.domain,
        'company_name', new.company_name,
        'country', new.country,
        'status', new.status,
        'agreement_accepted_on', new.agreement_accepted_on,
        'origin', new.origin,
        'version', new.version,
        'created_at', instant(new.created_at),
        'updated_at', instant(new.updated_at),
        'external_refs', json_build_object('microsoft_tenant_id', new.microsoft_tenant_id)
    );
    return new;
end $$$$;

-- `row_to_json` writes no blanks between names and values: a tenth less to read of each page.
create or replace function money(micro bigint, currency text) returns json language sql stable
    return case when micro is not null then (select row_to_json(m) from (select
        regexp_replace(to_char(micro::numeric / 1000000, 'FM9999999999990.000000'), '(\.\d\d\d*?)0+$$', '\1') as amount,
        currency
    ) m) end;

create or replace function show_subscription() returns trigger language plpgsql as $$$$
begin
    new.renews_on := case when new.auto_renew and new.status in ('active', 'suspended') then new.commitment_ends_on + 1 end;
    new.created_at := coalesce(new.created_at, new.updated_at);
    new.shown := (select left(row_to_json(s)::text, -1) from (select
        new.subscription_id as id,
        nullif(new.customer_id, '') as customer_id,
        new.tenant_id as tenant_id,
        coalesce(nullif(new.friendly_name, ''), new.product_title) as name,
        new.product as product,
        new.product_title as product_title,
        new.commerce as commerce,
        new.term as term,
        new.charge_cycle as charge_cycle,
        new.quantity as quantity,
        new.consumed as consumed,
        new.consumed_is_shared as consumed_is_shared,
        new.status as status,
        case when new.auto_renew then 'renew' else 'cancel' end as end_of_term,
        new.renews_on as renews_on,
        new.commitment_ends_on as commitment_ends_on,
        new.seat_lots as seat_lots,
        new.scheduled_quantity as scheduled_quantity,
        money(new.unit_price_micro, new.currency) as price,
        new.origin as origin,
        (select row_to_json(r) from (select new.microsoft_subscription_id as microsoft_subscription_id) r) as external_refs,
        instant(new.started_at) as started_at,
        new.version as version,
        instant(new.created_at) as created_at,
        instant(new.updated_at) as updated_at
    ) s);
    new.shown_cost := (select ',' || substr(row_to_json(s)::text, 2) from (select
        new.billing_from as billing_from,
        money(new.unit_cost_micro, new.currency) as cost,
        money(new.unit_price_micro - new.unit_cost_micro, new.currency) as margin
    ) s);
    return new;
end $$$$;

-- Rows that are there already: what the change feed and the history kept of their first event.
alter table customers no force row level security;
alter table tenants no force row level security;
alter table subscriptions no force row level security;
alter table history no force row level security;
alter table feed no force row level security;
update customers set version = version;
update customers c set origin = f.body ->> 'origin'
    from feed f where f.reseller_id = c.reseller_id and f.event_id = c.customer_id || ':1';
update tenants set version = version;
update subscriptions s set created_at = h.recorded_at
    from history h where h.reseller_id = s.reseller_id and h.subscription_id = s.subscription_id and h.version = 1;
update subscriptions set version = version where created_at is null;
alter table feed force row level security;
alter table history force row level security;
alter table subscriptions force row level security;
alter table tenants force row level security;
alter table customers force row level security;
alter table subscriptions alter column created_at set not null;
