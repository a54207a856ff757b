-- The sales, one row for each line of each order: as sql/sales.sql beside your .env, with your own tables and
-- columns put in. It must be one SELECT: it is run as a subquery and cannot change anything.
--
-- :since is put in by the program (HISTORY_DAYS, and a day to spare). With it the database can use the index on the
-- date; the exact cut is made afterwards.
SELECT
    -- The customer's key, as the shop's tables have it. NULL for a guest: where the shop stores guests as
    -- customer 0, write NULLIF(o.customer_id, 0) AS customer_id, or all of them become one customer.
    o.customer_id,
    -- The product's key: the one that a product page has, not that of a size or colour.
    l.product_id AS item_id,
    -- When it was sold. A time without a zone is read in SALES_TIMEZONE.
    o.ordered_at AS sold_at,
    -- How many. Negative for what came back: it takes away from what the same customer bought before.
    -- Without this column each row counts as one. Where a refund is an order with a status of its own:
    -- CASE WHEN o.status = 'refunded' THEN -l.quantity ELSE l.quantity END AS quantity
    -- (MariaDB and MySQL: CAST(l.quantity AS SIGNED) first where the column is UNSIGNED.)
    l.quantity,
    -- These may be left out; later lists use them.
    l.unit_price AS price,
    o.order_id,
    -- For guests: becomes an anonymous key before anything is written. Leave it out if there are no guests.
    o.guest_email
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.order_id
WHERE o.ordered_at >= :since
  -- Only what was really sold: your own names of the statuses. Here a return is an order of its own whose lines
  -- have negative quantities. Where it is only a status of the first order, leave that status out instead.
  AND o.status IN ('completed', 'shipped', 'returned')
-- Where returns are in a table of their own, add them as lines with a negative quantity. The columns go by their
-- places, so give all of them in the same order; what the returns lack comes from a JOIN to their order:
--   UNION ALL
--   SELECT o.customer_id, r.product_id, r.returned_at, -r.quantity, NULL, r.order_id, o.guest_email
--   FROM returns AS r JOIN orders AS o ON o.order_id = r.order_id WHERE r.returned_at >= :since
