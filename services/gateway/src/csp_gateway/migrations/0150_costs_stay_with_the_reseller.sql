-- What was told of the cost ledger was kept with the visibility of its type.
update feed set visibility = 'reseller'
where type in ('csp.billing.report-issued.v1', 'csp.billing.billing-line-added.v1')
    and visibility <> 'reseller' and body -> 'data' ->> 'ledger' is distinct from 'sell';
