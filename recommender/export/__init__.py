"""From the shop's database to the run folder: its sales, items and rules as CSV.

snapshot    all queries in one look at the shop; shopsales, shopitems, shoprules: what of it is about each
fields      the columns of a query, checked and written
beyond      what `sales.sql` has beyond what a night reads
sources     files in the place of a query: filerows, shopify: what is in them; sourcefiles, filestores: where
forgotten   customers whose sales are never read again
"""
