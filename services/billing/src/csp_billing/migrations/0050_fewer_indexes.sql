-- Each report is written twice by a close, with an entry in each index: only what somebody reads by stays. What waits in a
-- window is found by `reports_of_window`, and a report without a number needs no place among the numbers.
drop index reports_unresolved;
drop index reports_number;
create unique index reports_number on reports (reseller_id, number) where number is not null;
