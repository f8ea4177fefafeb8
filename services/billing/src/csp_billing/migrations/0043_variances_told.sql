-- The differences that the wire was told of, and what became of each; null while nobody has decided.
create table variances_told (
    match_id text primary key,
    reseller_id text not null,
    import_id text not null,
    resolution text
);
create index variances_told_import on variances_told (import_id);
grant select, insert, update on variances_told to $worker;
alter table variances_told enable row level security;
alter table variances_told force row level security;
create policy variances_told_worker on variances_told to $worker using (true) with check (true);
-- Forced row-level security also holds the owner.
alter table invoice_matches no force row level security;
alter table match_decisions no force row level security;
alter table variances_told no force row level security;
insert into variances_told (match_id, reseller_id, import_id, resolution)
select m.match_id, m.reseller_id, m.import_id, d.decision from invoice_matches m
left join match_decisions d on d.match_id = m.match_id and d.reseller_id = m.reseller_id
where m.ours_minor <> m.microsoft_minor
and m.code in ('unexplained', 'missing_event', 'missing_charge', 'unknown_subscription', 'adjustment_only_on_invoice');
alter table invoice_matches force row level security;
alter table match_decisions force row level security;
alter table variances_told force row level security;
