-- The sales of OpenCart: a row for each product of an order.
SELECT
    -- Orders keep the number of a customer that was removed. A guest, or one removed, whose address is that of an
    -- account is the account's customer.
    COALESCE(c.customer_id, account.customer_id) AS customer_id,
    l.item_id,
    o.date_added AS sold_at,
    l.quantity - COALESCE(r.quantity, 0) AS quantity,
    -- Without tax, in the shop's own currency.
    l.price,
    o.order_id,
    CASE WHEN c.customer_id IS NULL AND account.customer_id IS NULL THEN NULLIF(TRIM(o.email), '') END AS guest_email
FROM `${prefix}order` AS o
JOIN (
    -- A return names the product and not the line, so an order's lines of one product are taken together.
    SELECT
        p.order_id,
        -- [if masters]
        CASE WHEN p.master_id > 0 THEN p.master_id ELSE p.product_id END AS item_id,
        -- [end]
        -- [if not masters]
        p.product_id AS item_id,
        -- [end]
        SUM(p.quantity) AS quantity,
        MAX(p.price) AS price
    FROM `${prefix}order_product` AS p
    WHERE p.product_id > 0
    GROUP BY p.order_id, item_id
) AS l ON l.order_id = o.order_id
LEFT JOIN `${prefix}customer` AS c ON c.customer_id = o.customer_id
LEFT JOIN (
    -- Shops' tables have collations of several ages, which are not compared unless one is named.
    -- MariaDB makes no index on more of a text for the length of a query.
    SELECT SUBSTR(LOWER(TRIM(CONVERT(email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, MIN(customer_id) AS customer_id
    FROM `${prefix}customer`
    WHERE email <> ''
    GROUP BY address
) AS account ON c.customer_id IS NULL AND account.address = SUBSTR(LOWER(TRIM(CONVERT(o.email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
-- [if returns]
LEFT JOIN (
    -- Asked for, closed, and with the money given back; a replacement is none.
    SELECT
        b.order_id,
        -- [if masters]
        COALESCE(v.item_id, b.product_id) AS item_id,
        -- [end]
        -- [if not masters]
        b.product_id AS item_id,
        -- [end]
        SUM(b.quantity) AS quantity
    FROM `${prefix}return` AS b
    -- [if masters]
    LEFT JOIN (
        SELECT DISTINCT order_id, product_id, CASE WHEN master_id > 0 THEN master_id ELSE product_id END AS item_id
        FROM `${prefix}order_product`
    ) AS v ON v.order_id = b.order_id AND v.product_id = b.product_id
    -- [end]
    WHERE b.return_status_id IN (${return_statuses}) AND b.return_action_id IN (${return_actions})
    GROUP BY b.order_id, item_id
) AS r ON r.order_id = l.order_id AND r.item_id = l.item_id
-- [end]
-- [if not returns]
LEFT JOIN (SELECT 0 AS quantity) AS r ON 1 = 0
-- [end]
WHERE o.date_added >= :since
  -- [if store_id]
  AND o.store_id = ${store_id}
  -- [end]
  AND o.order_status_id IN (${statuses})
  AND l.quantity > COALESCE(r.quantity, 0)
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  AND (c.customer_id IS NOT NULL OR account.customer_id IS NOT NULL OR TRIM(o.email) <> '')
