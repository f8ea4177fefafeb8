-- An operation tells what the conventions promise of it: who, why, until when, what it made, and how its steps fare.
-- Its JSON is open at its end: what names addresses differs by surface.

-- Where an object is read on a surface; null for what has no address there.
create function href(surface text, id text) returns text language sql immutable
    return case split_part(id, '_', 1)
        when 'sub' then surface || '/subscriptions/' || id
        when 'ten' then surface || '/tenants/' || id
        when 'usr' then surface || '/users/' || id
        when 'op' then surface || '/operations/' || id
        when 'cus' then case when surface = '/v1' then surface || '/customers/' || id end
    end;

-- The steps with one of them changed, or added at the end; `attempts` never falls.
create function with_step(steps jsonb, step text, patch jsonb) returns jsonb language sql immutable
    return (
        select coalesce(jsonb_agg(case when s ->> 'name' = step then s || patch || jsonb_build_object(
            'attempts', greatest((s ->> 'attempts')::integer, (patch ->> 'attempts')::integer)
        ) else s end order by n), '[]')
        from jsonb_array_elements(steps) with ordinality as each(s, n)
    ) || case when steps @> jsonb_build_array(jsonb_build_object('name', step)) then '[]' else jsonb_build_array(
        jsonb_build_object('name', step, 'status', 'pending', 'attempts', 1, 'next_attempt_at', null, 'last_problem', null) || patch
    ) end;

-- What is left when nothing more will happen: every step that has not succeeded ends as given, and nothing is tried again.
create function ended_steps(steps jsonb, status text) returns jsonb language sql immutable
    return (
        select coalesce(jsonb_agg(s || '{"next_attempt_at": null}' || case when s ->> 'status' = 'succeeded' then '{}'
            else jsonb_build_object('status', status) end order by n), '[]')
        from jsonb_array_elements(steps) with ordinality as each(s, n)
    );

alter table operations
    add column ticket text, add column correlation_id text, add column deadline_at timestamptz,
    add column origin text not null default 'api', add column external_refs jsonb not null default '{}',
    add column shown_reseller text, add column shown_portal text;
alter table history add column ticket text;

create function operation_links(o operations, surface text) returns text language sql immutable
    return ',' || substr(json_build_object(
        'result', case when o.status = 'succeeded' then json_build_object('resources', (
            select coalesce(json_agg(json_build_object('id', id, 'href', href(surface, id)) order by n), '[]')
            from jsonb_array_elements_text(o.resources) with ordinality as each(id, n)
        )) end,
        'links', json_build_object(
            'self', href(surface, o.operation_id),
            'events', href(surface, o.operation_id) || '/events',
            'subject', href(surface, o.subject)
        )
    )::text, 2);

create or replace function show_operation() returns trigger language plpgsql as $$$$
begin
    new.shown := left(json_build_object(
        'id', new.operation_id,
        'kind', new.kind,
        'status', new.status,
        'subject', new.subject,
        'requested_by', new.requested_by,
        'reason', new.reason,
        'ticket', new.ticket,
        'correlation_id', new.correlation_id,
        'steps', new.steps,
        'resources', new.resources,
        'problem', new.problem,
        'deadline_at', instant(new.deadline_at),
        'requested_at', instant(new.requested_at),
        'created_at', instant(new.requested_at),
        'updated_at', instant(new.updated_at),
        'version', new.version,
        'origin', new.origin,
        'external_refs', new.external_refs
    )::text, -1);
    new.shown_reseller := operation_links(new, '/v1');
    new.shown_portal := operation_links(new, '/portal/v1');
    return new;
end $$$$;

create or replace function show_history() returns trigger language plpgsql as $$$$
begin
    new.shown := json_build_object(
        'version', new.version,
        'what', replace(new.what, '-', '_'),
        'effective_at', instant(new.effective_at),
        'recorded_at', instant(new.recorded_at),
        'origin', new.origin,
        'actor', new.actor,
        'reason', new.reason,
        'ticket', new.ticket,
        'details', new.details,
        'superseded', new.superseded
    );
    return new;
end $$$$;

-- Rows that are there already: what the change feed kept of their first event, and their steps in the new shape.
alter table operations no force row level security;
alter table history no force row level security;
alter table feed no force row level security;
update operations o set origin = f.body ->> 'origin', correlation_id = f.body ->> 'correlationid'
    from feed f where f.reseller_id = o.reseller_id and f.event_id = o.operation_id || ':1';
update operations set steps = (
    select coalesce(jsonb_agg(jsonb_build_object('attempts', 1, 'next_attempt_at', null, 'last_problem', null) || s order by n), '[]')
    from jsonb_array_elements(steps) with ordinality as each(s, n)
);
update history set version = version;
alter table feed force row level security;
alter table history force row level security;
alter table operations force row level security;
alter table operations alter column shown_reseller set not null, alter column shown_portal set not null;
