-- The sales of PrestaShop: a row for each line of an order.
SELECT
    -- Each order of a guest has a customer of its own: the address makes them one, and one with an account.
    CASE WHEN c.is_guest = 0 AND c.deleted = 0 THEN c.id_customer ELSE account.id_customer END AS customer_id,
    -- The product, also of a combination; a pack is a product.
    l.product_id AS item_id,
    o.date_add AS sold_at,
    -- Refunded before delivery, returned after it: a line may have both. Unsigned columns cannot be less than 0.
    CAST(l.product_quantity AS SIGNED) - CAST(l.product_quantity_refunded AS SIGNED) - CAST(l.product_quantity_return AS SIGNED) AS quantity,
    -- With tax, in the shop's own currency.
    l.unit_price_tax_incl / NULLIF(o.conversion_rate, 0) AS price,
    o.id_order AS order_id,
    CASE
        WHEN (c.is_guest = 0 AND c.deleted = 0) OR account.id_customer IS NOT NULL THEN NULL
        ELSE NULLIF(TRIM(c.email), '')
    END AS guest_email
FROM `${prefix}orders` AS o
JOIN `${prefix}order_detail` AS l ON l.id_order = o.id_order
-- Removed customers leave their orders behind, with a number that is nobody's any more.
JOIN `${prefix}customer` AS c ON c.id_customer = o.id_customer
LEFT JOIN `${prefix}order_state` AS s ON s.id_order_state = o.current_state
LEFT JOIN (
    -- Shops' tables have collations of several ages, which are not compared unless one is named.
    -- MariaDB makes no index on more of a text for the length of a query.
    SELECT SUBSTR(LOWER(TRIM(CONVERT(email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin AS address, MIN(id_customer) AS id_customer
    FROM `${prefix}customer`
    WHERE is_guest = 0 AND deleted = 0 AND email <> ''
    GROUP BY address
) AS account ON (c.is_guest = 1 OR c.deleted = 1) AND account.address = SUBSTR(LOWER(TRIM(CONVERT(c.email USING utf8mb4))), 1, 240) COLLATE utf8mb4_bin
WHERE o.date_add >= :since
  -- [if id_shop]
  AND o.id_shop = ${id_shop}
  -- [end]
  -- [if not statuses]
  AND (o.valid = 1 OR s.paid = 1)
  -- [end]
  -- [if statuses]
  AND o.current_state IN (${statuses})
  -- [end]
  AND CAST(l.product_quantity AS SIGNED) > CAST(l.product_quantity_refunded AS SIGNED) + CAST(l.product_quantity_return AS SIGNED)
  -- Without an account and an address it is nobody's: one customer of all such would teach nonsense.
  AND ((c.is_guest = 0 AND c.deleted = 0) OR account.id_customer IS NOT NULL OR TRIM(c.email) <> '')
