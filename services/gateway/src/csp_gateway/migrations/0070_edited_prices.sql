-- An edit without an end rules over the prices that are locked after it.
alter table subscriptions add column price_is_edited boolean not null default false;
alter table waiting_figures add column price_is_edited boolean not null default false;
