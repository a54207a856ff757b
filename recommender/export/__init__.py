"""From the shop's database to the run folder: its sales and items as CSV.

snapshot    all queries in one look at the shop; shopitems: the items of it
fields      the columns of a query, checked and written
beyond      what `sales.sql` has beyond what a night reads
forgotten   customers whose sales are never read again
"""
