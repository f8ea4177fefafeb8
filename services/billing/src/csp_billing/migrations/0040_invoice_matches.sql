-- An invoice of Microsoft's that was taken in whole: where from, what it adds up to, and how far its match is.
create table invoice_imports (
    import_id text primary key,
    reseller_id text not null,
    sha256 text not null,
    name text not null,
    source text not null check (source in ('file', 'partner_center')),
    format text not null check (format in ('legacy', 'nce', 'usage')),
    invoice_id text,
    currency text not null,
    from_on date not null,
    until_on date not null,
    row_count integer not null,
    unmapped_count integer not null,
    net_minor bigint not null,
    tax_minor bigint not null,
    declared_minor bigint,
    adjustment_minor bigint not null,
    state text not null default 'matching' check (state in ('matching', 'matched', 'signed_off', 'discarded')),
    imported_at timestamptz not null,
    imported_by text not null,
    customers integer not null default 0,
    customers_done integer not null default 0,
    matched_at timestamptz,
    ours_minor bigint,
    signed_at timestamptz,
    signed_by text,
    signed_name text,
    note text,
    check (from_on < until_on),
    check (state <> 'signed_off' or (signed_at is not null and signed_by is not null and signed_name is not null))
);
create unique index invoice_imports_content on invoice_imports (reseller_id, sha256) where state <> 'discarded';
create unique index invoice_imports_invoice on invoice_imports (reseller_id, invoice_id) where state <> 'discarded';
create index invoice_imports_newest on invoice_imports (reseller_id, imported_at desc, import_id);
create index invoice_imports_to_match on invoice_imports (imported_at) where state = 'matching';

-- Its rows, as typed columns; what we have no column for stands in `unmapped` as it came. Row 0 is an adjustment without line.
create table invoice_rows (
    import_id text not null,
    row_number integer not null,
    reseller_id text not null,
    subscription_ref text not null,
    subscription_id text not null,
    tenant_id text not null,
    title text not null,
    charge_type text not null,
    charge_class text not null,
    from_on date not null,
    until_on date not null,
    quantity bigint not null,
    amount_minor bigint not null,
    tax_minor bigint not null,
    reference text not null,
    promotion boolean not null,
    exchanged boolean not null,
    unmapped text not null,
    primary key (import_id, row_number, reseller_id)
) partition by list (reseller_id);
create index invoice_rows_subscription on invoice_rows (import_id, subscription_id);

-- What became of rows and of our cost lines; `match_id` is named by them, so that it stays when the match is made again.
create table invoice_matches (
    match_id text not null,
    reseller_id text not null,
    import_id text not null,
    number integer not null,
    code text not null,
    profile text,
    subscription_id text not null,
    subscription_ref text not null,
    customer_id text,
    row_numbers integer[] not null,
    line_ids text[] not null,
    ours_minor bigint not null,
    microsoft_minor bigint not null,
    primary key (import_id, number)
);
create index invoice_matches_id on invoice_matches (match_id);
create index invoice_matches_code on invoice_matches (import_id, code, number);
create index invoice_matches_customer on invoice_matches (import_id, customer_id, number);

-- Which line of ours stands against which import, so that no line is matched twice.
create table matched_lines (
    reseller_id text not null,
    line_id text not null,
    import_id text not null,
    match_number integer not null,
    primary key (line_id, import_id)
);
create index matched_lines_import on matched_lines (import_id);

-- What a person decided of a difference; kept when the match is made again.
create table match_decisions (
    match_id text primary key,
    reseller_id text not null,
    import_id text not null,
    decision text not null check (decision in ('accept', 'dispute', 'adjust')),
    adjustment_id text,
    decided_at timestamptz not null,
    decided_by text not null,
    note text
);
create index match_decisions_import on match_decisions (import_id);

-- Invoices that somebody asked Partner Center for.
create table invoice_fetches (
    fetch_id text primary key,
    reseller_id text not null,
    invoice_id text not null,
    adjustment text,
    state text not null default 'asked' check (state in ('asked', 'exporting', 'done', 'failed')),
    operation_id text,
    import_id text,
    fault text,
    asked_at timestamptz not null,
    asked_by text not null,
    ended_at timestamptz
);
create index invoice_fetches_open on invoice_fetches (asked_at) where state in ('asked', 'exporting');

-- Rows come by COPY, which PostgreSQL allows into a partition but not through a parent with row-level security (0251).
create table invoice_rows_stored partition of invoice_rows default;

grant select, insert, update on invoice_imports, invoice_fetches to $worker;
grant select, insert, update, delete on invoice_matches, matched_lines, match_decisions to $worker;
grant select on invoice_rows to $worker;
grant select, insert on invoice_rows_stored to $worker;
grant select on invoice_imports, invoice_fetches, invoice_rows, invoice_matches, match_decisions to $request;

do $$$$
declare owned text;
begin
    foreach owned in array array[
        'invoice_imports', 'invoice_rows', 'invoice_matches', 'matched_lines', 'match_decisions', 'invoice_fetches'
    ] loop
        execute format('alter table %I enable row level security', owned);
        execute format('alter table %I force row level security', owned);
        execute format('create policy %I on %I to $worker using (true) with check (true)', owned || '_worker', owned);
    end loop;
    -- What Microsoft charges is the reseller's alone.
    foreach owned in array array['invoice_imports', 'invoice_rows', 'invoice_matches', 'match_decisions', 'invoice_fetches'] loop
        execute format(
            'create policy %I on %I to $request using (reseller_id = current_setting(''csp.reseller'', true) '
            'and current_setting(''csp.customer'', true) = '''')',
            owned || '_request', owned
        );
    end loop;
end $$$$;
