-- The sales of django-oscar: a row for each line of an order.
SELECT
    -- [if user_table]
    -- A guest whose address is that of an account is the account's customer.
    -- [if not sqlite]
    COALESCE(o.user_id, account.id) AS customer_id,
    -- [end]
    -- [if sqlite]
    -- COALESCE, but with the type of the column: SQLite has none for a function's result, and without rows no value
    -- tells it.
    (SELECT o.user_id WHERE o.user_id IS NOT NULL UNION ALL SELECT account.id LIMIT 1) AS customer_id,
    -- [end]
    -- [end]
    -- [if not user_table]
    o.user_id AS customer_id,
    -- [end]
    -- The product of a variant. Removed products leave lines without one.
    page.id AS item_id,
    o.date_placed AS sold_at,
    -- [if refund_events]
    l.quantity - COALESCE(refund.quantity, 0) AS quantity,
    -- [end]
    -- [if not refund_events]
    l.quantity,
    -- [end]
    l.unit_price_incl_tax AS price,
    o.id AS order_id,
    -- [if user_table]
    CASE WHEN o.user_id IS NULL AND account.id IS NULL THEN NULLIF(TRIM(o.guest_email), '') END AS guest_email
    -- [end]
    -- [if not user_table]
    CASE WHEN o.user_id IS NULL THEN NULLIF(TRIM(o.guest_email), '') END AS guest_email
    -- [end]
FROM order_order AS o
JOIN order_line AS l ON l.order_id = o.id
JOIN catalogue_product AS p ON p.id = l.product_id
JOIN catalogue_product AS page ON page.id = COALESCE(p.parent_id, p.id)
-- [if user_table]
LEFT JOIN (
    -- Of two tables, each maybe with a collation of its own: the addresses are compared only where one is named.
    SELECT a.address, a.id
    FROM (
        SELECT e.address, e.id, ROW_NUMBER() OVER (PARTITION BY e.address ORDER BY e.id) AS place
        FROM (
            -- [if mysql]
            -- MariaDB makes no index on more of a text for the length of a query.
            SELECT SUBSTR(LOWER(TRIM(CONVERT(u.email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, u.id
            -- [end]
            -- [if postgresql]
            SELECT LOWER(TRIM(u.email)) COLLATE "C" AS address, u.id
            -- [end]
            -- [if sqlite]
            SELECT LOWER(TRIM(u.email)) AS address, u.id
            -- [end]
            FROM ${user_table} AS u
            WHERE u.email <> ''
        ) AS e
    ) AS a
    WHERE a.place = 1
-- [if mysql]
) AS account ON o.user_id IS NULL AND account.address = SUBSTR(LOWER(TRIM(CONVERT(o.guest_email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
-- [end]
-- [if postgresql]
) AS account ON o.user_id IS NULL AND account.address = LOWER(TRIM(o.guest_email)) COLLATE "C"
-- [end]
-- [if sqlite]
) AS account ON o.user_id IS NULL AND account.address = LOWER(TRIM(o.guest_email))
-- [end]
-- [end]
-- [if refund_events]
LEFT JOIN (
    SELECT q.line_id, SUM(q.quantity) AS quantity
    FROM order_paymenteventquantity AS q
    JOIN order_paymentevent AS e ON e.id = q.event_id
    JOIN order_paymenteventtype AS t ON t.id = e.event_type_id
    WHERE t.name IN (${refund_events})
    GROUP BY q.line_id
) AS refund ON refund.line_id = l.id
-- [end]
WHERE o.date_placed >= :since
  AND o.status IN (${statuses})
  -- [if cancelled_line_statuses]
  AND l.status NOT IN (${cancelled_line_statuses})
  -- [end]
  -- [if refund_events]
  AND l.quantity > COALESCE(refund.quantity, 0)
  -- [end]
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  -- [if user_table]
  AND (o.user_id IS NOT NULL OR account.id IS NOT NULL OR TRIM(o.guest_email) <> '')
  -- [end]
  -- [if not user_table]
  AND (o.user_id IS NOT NULL OR TRIM(o.guest_email) <> '')
  -- [end]
