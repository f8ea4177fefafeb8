-- A row carries what the API shows of it: rendered when it is written, handed through when it is read.
-- A subscription's is left open at its end: `shown || '}'` is what a customer may see, `shown || shown_cost` adds cost and
-- margin. (To cut the end off when it is read would cost more than all the rest of the query.)

create function instant(moment timestamptz) returns text language sql stable
    return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- Millionths as a decimal string with at least two digits; null where the amount is unknown.
create function money(micro bigint, currency text) returns json language sql stable
    return case when micro is not null then json_build_object(
        'amount', regexp_replace(to_char(micro::numeric / 1000000, 'FM9999999999990.000000'), '(\.\d\d\d*?)0+$$', '\1'),
        'currency', currency
    ) end;

alter table customers add column shown text;
create function show_customer() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'id', new.customer_id,
        'name', new.name,
        'country', new.country,
        'status', new.status,
        'external_refs', new.external_refs,
        'version', new.version,
        'created_at', instant(new.created_at),
        'updated_at', instant(new.updated_at)
    );
    return new;
end $$$$;

alter table tenants add column shown text;
create function show_tenant() returns trigger language plpgsql as $$$$
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
        'updated_at', instant(new.updated_at)
    );
    return new;
end $$$$;

-- The rendered row stays in its page: a list must not fetch every row from beside the table.
alter table subscriptions set (toast_tuple_target = 8160);
alter table subscriptions add column shown text, add column shown_cost text;
create function show_subscription() returns trigger language plpgsql as $$$$
begin
    new.renews_on := case when new.auto_renew and new.status in ('active', 'suspended') then new.commitment_ends_on + 1 end;
    new.shown := left(json_build_object(
        'id', new.subscription_id,
        'customer_id', new.customer_id,
        'tenant_id', new.tenant_id,
        'name', coalesce(nullif(new.friendly_name, ''), new.product_title),
        'product', new.product,
        'product_title', new.product_title,
        'commerce', new.commerce,
        'term', new.term,
        'charge_cycle', new.charge_cycle,
        'quantity', new.quantity,
        'consumed', new.consumed,
        'consumed_is_shared', new.consumed_is_shared,
        'status', new.status,
        'end_of_term', case when new.auto_renew then 'renew' else 'cancel' end,
        'renews_on', new.renews_on,
        'commitment_ends_on', new.commitment_ends_on,
        'seat_lots', new.seat_lots,
        'scheduled_quantity', new.scheduled_quantity,
        'price', money(new.unit_price_micro, new.currency),
        'origin', new.origin,
        'external_refs', json_build_object('microsoft_subscription_id', new.microsoft_subscription_id),
        'started_at', instant(new.started_at),
        'version', new.version,
        'updated_at', instant(new.updated_at)
    )::text, -1);
    new.shown_cost := ',' || substr(json_build_object(
        'cost', money(new.unit_cost_micro, new.currency),
        'margin', money(new.unit_price_micro - new.unit_cost_micro, new.currency)
    )::text, 2);
    return new;
end $$$$;

alter table history add column shown text;
create function show_history() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'version', new.version,
        'what', replace(new.what, '-', '_'),
        'effective_at', instant(new.effective_at),
        'recorded_at', instant(new.recorded_at),
        'origin', new.origin,
        'actor', new.actor,
        'reason', new.reason,
        'details', new.details,
        'superseded', new.superseded
    );
    return new;
end $$$$;

alter table operations add column shown text;
create function show_operation() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'id', new.operation_id,
        'kind', new.kind,
        'status', new.status,
        'subject', new.subject,
        'requested_by', new.requested_by,
        'reason', new.reason,
        'steps', new.steps,
        'resources', new.resources,
        'problem', new.problem,
        'requested_at', instant(new.requested_at),
        'updated_at', instant(new.updated_at)
    );
    return new;
end $$$$;

create trigger shown before insert or update on customers for each row execute function show_customer();
create trigger shown before insert or update on tenants for each row execute function show_tenant();
create trigger shown before insert or update on subscriptions for each row execute function show_subscription();
create trigger shown before insert or update on history for each row execute function show_history();
create trigger shown before insert or update on operations for each row execute function show_operation();

do $$$$
declare screen text;
begin
    foreach screen in array array['customers', 'tenants', 'subscriptions', 'history', 'operations'] loop
        -- Rows that are there already are rendered by being touched; forced policies would hide them from their owner.
        execute format('alter table %I no force row level security', screen);
        execute format('update %I set version = version', screen);
        execute format('alter table %I force row level security', screen);
        execute format('alter table %I alter column shown set not null', screen);
    end loop;
end $$$$;
alter table subscriptions alter column shown_cost set not null;
