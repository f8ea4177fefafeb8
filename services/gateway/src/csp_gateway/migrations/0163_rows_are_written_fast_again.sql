-- The same JSON, put together as text: `row_to_json` over a query of its own cost a written row two and a half times as much.
create or replace function money(micro bigint, currency text) returns json language sql stable
    return case when micro is not null then (
        '{"amount":"' || regexp_replace(to_char(micro::numeric / 1000000, 'FM9999999999990.000000'), '(\.\d\d\d*?)0+$$', '\1')
        || '","currency":' || to_json(currency)::text || '}'
    )::json end;

create or replace function show_subscription() returns trigger language plpgsql as $$$$
begin
    new.renews_on := case when new.auto_renew and new.status in ('active', 'suspended') then new.commitment_ends_on + 1 end;
    new.created_at := coalesce(new.created_at, new.updated_at);
    -- Ids and moments are ours and need no quoting.
    new.shown := format(
        '{"id":"%s","customer_id":%s,"tenant_id":"%s","name":%s,"product":%s,"product_title":%s,"commerce":%s,"term":%s,'
        '"charge_cycle":%s,"quantity":%s,"consumed":%s,"consumed_is_shared":%s,"status":%s,"end_of_term":"%s","renews_on":%s,'
        '"commitment_ends_on":%s,"seat_lots":%s,"scheduled_quantity":%s,"price":%s,"origin":%s,'
        '"external_refs":{"microsoft_subscription_id":%s},"started_at":"%s","version":%s,"created_at":"%s","updated_at":"%s"',
        new.subscription_id,
        coalesce('"' || nullif(new.customer_id, '') || '"', 'null'),
        new.tenant_id,
        to_json(coalesce(nullif(new.friendly_name, ''), new.product_title)),
        to_json(new.product),
        to_json(new.product_title),
        to_json(new.commerce),
        to_json(new.term),
        to_json(new.charge_cycle),
        new.quantity,
        coalesce(new.consumed::text, 'null'),
        case when new.consumed_is_shared then 'true' else 'false' end,
        to_json(new.status),
        case when new.auto_renew then 'renew' else 'cancel' end,
        coalesce(to_json(new.renews_on)::text, 'null'),
        coalesce(to_json(new.commitment_ends_on)::text, 'null'),
        new.seat_lots,
        coalesce(new.scheduled_quantity::text, 'null'),
        coalesce(money(new.unit_price_micro, new.currency)::text, 'null'),
        to_json(new.origin),
        to_json(new.microsoft_subscription_id),
        instant(new.started_at),
        new.version,
        instant(new.created_at),
        instant(new.updated_at)
    );
    new.shown_cost := format(
        ',"billing_from":%s,"cost":%s,"margin":%s,"labels":%s}',
        coalesce(to_json(new.billing_from)::text, 'null'),
        coalesce(money(new.unit_cost_micro, new.currency)::text, 'null'),
        coalesce(money(new.unit_price_micro - new.unit_cost_micro, new.currency)::text, 'null'),
        new.labels
    );
    return new;
end $$$$;

alter table subscriptions no force row level security;
update subscriptions set version = version;
alter table subscriptions force row level security;
