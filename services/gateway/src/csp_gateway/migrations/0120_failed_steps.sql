-- Operations that failed before their steps did say so.
alter table operations no force row level security;
update operations set
    problem = jsonb_set(problem, '{code}', to_jsonb(replace(problem->>'code', '-', '_'))),
    steps = (
        select coalesce(jsonb_agg(case when s->>'status' = 'succeeded' then s else jsonb_set(s, '{status}', '"failed"') end order by n), '[]')
        from jsonb_array_elements(steps) with ordinality as steps_of(s, n)
    )
where status = 'failed' and problem ? 'code';
alter table operations force row level security;
