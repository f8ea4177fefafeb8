-- The reseller's own keys and values, which customers are not shown. An organisation's version is that of its stream: settings
-- of it are events of the same stream, and a change of labels is bound to it.
alter table customers add column labels jsonb not null default '{}';
alter table subscriptions add column labels jsonb not null default '{}';

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
        'origin', new.origin,
        'labels', new.labels
    );
    return new;
end $$$$;

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
        money(new.unit_price_micro - new.unit_cost_micro, new.currency) as margin,
        new.labels as labels
    ) s);
    return new;
end $$$$;

alter table customers no force row level security;
alter table subscriptions no force row level security;
alter table feed no force row level security;
update customers c set version = greatest(c.version, f.version)
    from (
        select reseller_id, body ->> 'subject' as subject, max((body ->> 'sequence')::bigint) as version
        from feed where type in ('csp.provisioning.customer-added.v1', 'csp.provisioning.customer-setting-changed.v1') group by 1, 2
    ) f
    where f.reseller_id = c.reseller_id and f.subject = c.customer_id;
update customers set labels = labels;
update subscriptions set labels = labels;
alter table feed force row level security;
alter table subscriptions force row level security;
alter table customers force row level security;
