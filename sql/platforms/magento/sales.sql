-- The sales of Magento: a row for each line of an order that was paid.
SELECT
    -- A guest, or a customer since removed, whose address is that of an account is the account's customer.
    COALESCE(o.customer_id, account.entity_id) AS customer_id,
    -- A variant that was ordered by itself belongs to its configurable product, unless it has a page of its own.
    COALESCE(variant.parent_id, l.product_id) AS item_id,
    o.created_at AS sold_at,
    l.qty_invoiced - l.qty_refunded AS quantity,
    -- Without tax, in the shop's base currency.
    l.base_price AS price,
    o.entity_id AS order_id,
    CASE WHEN o.customer_id IS NULL AND account.entity_id IS NULL THEN NULLIF(TRIM(o.customer_email), '') END AS guest_email
FROM `${prefix}sales_order` AS o
-- Lines with a parent are the parts of a bundle, or the variant of a configurable product: the parent is what was
-- bought.
JOIN `${prefix}sales_order_item` AS l ON l.order_id = o.entity_id AND l.parent_item_id IS NULL
-- [if variants]
LEFT JOIN (
    SELECT k.product_id, MIN(k.parent_id) AS parent_id
    -- [if not row_id]
    FROM `${prefix}catalog_product_super_link` AS k
    -- [end]
    -- [if row_id]
    FROM (
        SELECT s.product_id, e.entity_id AS parent_id
        FROM `${prefix}catalog_product_super_link` AS s
        JOIN `${prefix}catalog_product_entity` AS e ON e.row_id = s.parent_id
    ) AS k
    -- [end]
    WHERE NOT EXISTS (
        SELECT 1
        FROM `${prefix}catalog_product_entity_int` AS v
        JOIN `${prefix}eav_attribute` AS a ON a.attribute_id = v.attribute_id AND a.attribute_code = 'visibility'
        JOIN `${prefix}eav_entity_type` AS t ON t.entity_type_id = a.entity_type_id AND t.entity_type_code = 'catalog_product'
        -- [if not row_id]
        WHERE v.entity_id = k.product_id
        -- [end]
        -- [if row_id]
        JOIN `${prefix}catalog_product_entity` AS e ON e.row_id = v.row_id
        WHERE e.entity_id = k.product_id
        -- [end]
          AND v.store_id = 0
          AND v.value > 1
    )
    GROUP BY k.product_id
) AS variant ON variant.product_id = l.product_id
-- [end]
-- [if not variants]
LEFT JOIN (SELECT CAST(NULL AS UNSIGNED) AS parent_id) AS variant ON 1 = 0
-- [end]
-- [if accounts]
LEFT JOIN (
    -- Shops' tables have collations of several ages, which are not compared unless one is named.
    -- MariaDB makes no index on more of a text for the length of a query.
    SELECT SUBSTR(LOWER(TRIM(CONVERT(email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, MIN(entity_id) AS entity_id
    FROM `${prefix}customer_entity`
    WHERE email <> ''
    GROUP BY address
) AS account ON o.customer_id IS NULL AND account.address = SUBSTR(LOWER(TRIM(CONVERT(o.customer_email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
-- [end]
-- [if not accounts]
LEFT JOIN (SELECT CAST(NULL AS UNSIGNED) AS entity_id) AS account ON 1 = 0
-- [end]
WHERE o.created_at >= :since
  -- [if store_id]
  AND o.store_id = ${store_id}
  -- [end]
  AND o.state IN (${statuses})
  AND l.product_id IS NOT NULL
  AND l.qty_invoiced > l.qty_refunded
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  AND (o.customer_id IS NOT NULL OR account.entity_id IS NOT NULL OR TRIM(o.customer_email) <> '')
