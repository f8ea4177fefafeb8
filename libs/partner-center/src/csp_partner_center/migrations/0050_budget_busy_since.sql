-- Since when the budget is used up without a break, and how many calls were granted since: what a first 429 is measured by.
alter table budget add column busy_since timestamptz not null default now();
alter table budget add column busy_calls integer not null default 0;
