-- The sales of WooCommerce: a row for each line of an order.
SELECT
    -- The WordPress user. A guest whose address is that of an account is the account's customer.
    CASE WHEN o.customer_id > 0 THEN o.customer_id ELSE account.ID END AS customer_id,
    -- The product, also of a variation.
    line.product_id AS item_id,
    o.sold_at,
    -- What was refunded comes off the line that it was refunded of.
    line.quantity - COALESCE(refund.quantity, 0) AS quantity,
    -- After discount, without tax, in the order's currency.
    line.total / NULLIF(line.quantity, 0) AS price,
    o.order_id,
    CASE WHEN o.customer_id > 0 OR account.ID IS NOT NULL THEN NULL ELSE NULLIF(TRIM(o.email), '') END AS guest_email
-- [if not posts]
-- Orders are in tables of their own (HPOS).
FROM (
    SELECT h.id AS order_id, h.date_created_gmt AS sold_at, h.customer_id, h.billing_email AS email
    FROM `${prefix}wc_orders` AS h
    WHERE h.type = 'shop_order' AND h.status IN (${statuses}) AND h.date_created_gmt >= :since
) AS o
-- [end]
-- [if posts]
-- Orders are posts.
FROM (
    SELECT
        p.ID AS order_id,
        MAX(p.post_date_gmt) AS sold_at,
        MAX(CASE WHEN m.meta_key = '_customer_user' THEN CAST(m.meta_value AS UNSIGNED) END) AS customer_id,
        MAX(CASE WHEN m.meta_key = '_billing_email' THEN m.meta_value END) AS email
    FROM `${prefix}posts` AS p
    LEFT JOIN `${prefix}postmeta` AS m ON m.post_id = p.ID AND m.meta_key IN ('_customer_user', '_billing_email')
    WHERE p.post_type = 'shop_order'
      AND p.post_status IN (${statuses})
      AND p.post_date_gmt >= :since
      -- The same once more, coarser, on the column that has an index: local time is never more than 14 hours away.
      AND p.post_date >= :since - INTERVAL 1 DAY
    GROUP BY p.ID
) AS o
-- [end]
JOIN `${prefix}woocommerce_order_items` AS l ON l.order_id = o.order_id AND l.order_item_type = 'line_item'
JOIN (
    -- As numbers already here: texts of any length would cost the database twice the time.
    SELECT
        m.order_item_id,
        MAX(CASE WHEN m.meta_key = '_product_id' THEN CAST(m.meta_value AS UNSIGNED) END) AS product_id,
        MAX(CASE WHEN m.meta_key = '_qty' THEN CAST(m.meta_value AS DECIMAL(20, 4)) END) AS quantity,
        MAX(CASE WHEN m.meta_key = '_line_total' THEN CAST(m.meta_value AS DECIMAL(20, 4)) END) AS total,
        -- Parts of what was bought as one: Product Bundles, Composite Products, Mix and Match, WPC Bundles.
        MAX(CASE WHEN m.meta_key IN ('_bundled_by', '_composite_parent', '_mnm_container', '_woosb_parent_id') THEN 1 ELSE 0 END) AS is_part
    FROM `${prefix}woocommerce_order_itemmeta` AS m
    GROUP BY m.order_item_id
) AS line ON line.order_item_id = l.order_item_id
LEFT JOIN (
    SELECT CAST(of_line.meta_value AS UNSIGNED) AS order_item_id, SUM(-CAST(pieces.meta_value AS DECIMAL(20, 4))) AS quantity
    -- [if not posts]
    FROM `${prefix}wc_orders` AS r
    -- [end]
    -- [if posts]
    FROM `${prefix}posts` AS r
    -- [end]
    JOIN `${prefix}woocommerce_order_items` AS back ON back.order_id = r.id AND back.order_item_type = 'line_item'
    JOIN `${prefix}woocommerce_order_itemmeta` AS of_line ON of_line.order_item_id = back.order_item_id AND of_line.meta_key = '_refunded_item_id'
    JOIN `${prefix}woocommerce_order_itemmeta` AS pieces ON pieces.order_item_id = back.order_item_id AND pieces.meta_key = '_qty'
    -- [if not posts]
    WHERE r.type = 'shop_order_refund' AND r.status <> 'trash'
    -- [end]
    -- [if posts]
    WHERE r.post_type = 'shop_order_refund' AND r.post_status <> 'trash'
    -- [end]
    GROUP BY CAST(of_line.meta_value AS UNSIGNED)
) AS refund ON refund.order_item_id = l.order_item_id
-- [if accounts]
LEFT JOIN (
    -- Shops' tables have collations of several ages, which are not compared unless one is named.
    -- MariaDB makes no index on more of a text for the length of a query.
    SELECT SUBSTR(LOWER(TRIM(CONVERT(user_email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, MIN(ID) AS ID
    FROM `${base_prefix}users`
    WHERE user_email <> ''
    GROUP BY address
) AS account ON COALESCE(o.customer_id, 0) = 0 AND account.address = SUBSTR(LOWER(TRIM(CONVERT(o.email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
-- [end]
-- [if not accounts]
LEFT JOIN (SELECT CAST(NULL AS UNSIGNED) AS ID) AS account ON 1 = 0
-- [end]
WHERE line.product_id > 0
  AND line.is_part = 0
  AND line.quantity > COALESCE(refund.quantity, 0)
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  AND (o.customer_id > 0 OR account.ID IS NOT NULL OR TRIM(o.email) <> '')
