-- The shop's sales, one row for each line of an order.
--
-- Orders that were never paid (pending) or never sent (cancelled) are no sales. A credit note (returned) has
-- lines of negative quantity: they take away from what the same customer bought before.
-- :since is put in by the program: no sale before it is needed, so the index on ordered_at is used.
SELECT
    o.customer_id,
    l.product_id AS item_id,
    o.ordered_at AS sold_at,
    l.quantity,
    l.unit_price AS price,
    o.order_id,
    -- Who orders without an account has no customer_id but an address. It becomes an anonymous key before
    -- anything is written.
    o.guest_email
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.order_id
WHERE o.ordered_at >= :since
  AND o.status IN ('completed', 'shipped', 'returned')
