"""What `recommend init` knows beyond the tables: `.env`, a first guess at the queries, the rights."""
